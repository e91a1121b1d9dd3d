import type { ServiceSpec } from "#api/gen/types.ts";
import { ipFaults, isDualStack, parseIp } from "#api/rules/addresses.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isHeadless } from "./exposure.ts";

type Spec = Loose<ServiceSpec>;

const families = ["IPv4", "IPv6"];
const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];

/** Upstream: `ValidateServiceClusterIPsRelatedFields`. */
export function checkClusterIps(spec: Spec, at: Faults): void {
  const ips = spec.clusterIPs ?? [];
  const first = spec.clusterIP ?? "";
  if (first === "") {
    if (ips.length > 0) {
      at.invalid("clusterIPs", ips, "must be empty when `clusterIP` is not specified");
    }
  } else if (ips.length === 0) at.required("clusterIPs");
  else if (ips[0] !== first) at.invalid("clusterIPs", ips, "first value must match `clusterIP`");
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    at.optionalOneOf(`ipFamilies[${i}]`, family, families);
    if ((spec.ipFamilies ?? []).indexOf(family) < i) at.duplicate(`ipFamilies[${i}]`, family);
  }
  at.optionalOneOf("ipFamilyPolicy", spec.ipFamilyPolicy, policies);
  if (checkAddresses(ips, at)) checkFamilies(spec, at);
}

/** Returns whether all of them are addresses, or the one is `None`. */
function checkAddresses(ips: readonly string[], at: Faults): boolean {
  const before = at.errors.length;
  for (const [i, ip] of ips.entries()) {
    if (i > 0 || ip !== "None") at.invalidAll(`clusterIPs[${i}]`, ip, ipFaults(ip));
    else if (ips.length > 1) {
      at.invalid("clusterIPs", ips, "'None' must be the first and only value");
    }
  }
  const isGood = at.errors.length === before;
  if (ips.length > 2) at.invalid("clusterIPs", ips, "may only hold up to 2 values");
  return isGood;
}

function checkFamilies(spec: Spec, at: Faults): void {
  const ips = spec.clusterIPs ?? [];
  if (ips.length > 1 && !isDualStack(ips)) {
    at.invalid("clusterIPs", ips, "may specify no more than one IP for each IP family");
  }
  if (isHeadless(spec)) return;
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    const ip = ips[i];
    if (ip === undefined || !families.includes(family) || parseIp(ip)?.family === family) continue;
    const detail = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
    at.invalid(`clusterIPs[${i}]`, ip, detail);
  }
}

/** What is allocated stays. Upstream: `validateUpgradeDowngradeClusterIPs`, `…IPFamilies`. */
export function checkClusterIpUpdate(spec: Spec, old: Spec, at: Faults): void {
  if (spec.type === "ExternalName" || old.type === "ExternalName") return;
  if (!isHeadless(spec) || !isHeadless(old)) {
    checkKept("clusterIPs", spec, old, at);
  }
  if (isHeadless(spec) === isHeadless(old) && !isHeadless(spec)) {
    checkKept("ipFamilies", spec, old, at);
  }
}

function checkKept(field: "clusterIPs" | "ipFamilies", spec: Spec, old: Spec, at: Faults): void {
  const [list, before] = [spec[field] ?? [], old[field] ?? []];
  if (before.length === 0 || semanticEqual(list, before)) return;
  if (list.length === 0) {
    const what = field === "clusterIPs" ? "clusterIP" : "ipFamily";
    at.invalid(`${field}[0]`, list, `primary ${what} can not be unset`);
    return;
  }
  const shared = Math.min(list.length, before.length);
  for (let i = 0; i < shared; i++) {
    if (list[i] !== before[i]) at.invalid(`${field}[${i}]`, list, "may not change once set");
  }
  if (list.length < before.length && spec.ipFamilyPolicy !== "SingleStack") {
    const what = field === "clusterIPs" ? "clusterIP" : "ipFamily";
    const detail = `must be set to 'SingleStack' when releasing the secondary ${what}`;
    at.invalid("ipFamilyPolicy", spec.ipFamilyPolicy ?? null, detail);
  }
}
