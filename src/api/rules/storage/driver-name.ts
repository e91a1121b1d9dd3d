import { dns1123SubdomainFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";

/** The name of a CSI driver: a DNS subdomain of at most 63 characters, in any case. */
export function checkCsiDriverName(field: string, name: string | undefined, at: Faults): void {
  if (name === undefined || name === "") {
    at.required(field);
    return;
  }
  if (name.length > 63) at.tooLong(field, 63);
  at.invalidAll(field, name, dns1123SubdomainFaults(name.toLowerCase()));
}
