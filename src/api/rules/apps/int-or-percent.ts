import { percentFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";

export type IntOrPercent = number | string | undefined;

/** A count, or a share like `25%`. Upstream: `ValidatePositiveIntOrPercent`. */
export function checkIntOrPercent(field: string, value: IntOrPercent, at: Faults): void {
  if (typeof value === "string") at.invalidAll(field, value, percentFaults(value));
  else at.nonNegative(field, value);
}

export function checkAtMostAll(field: string, value: IntOrPercent, at: Faults): void {
  if (typeof value !== "string" || percentFaults(value).length > 0) return;
  if (Number.parseInt(value, 10) > 100) at.invalid(field, value, "must not be greater than 100%");
}

/** The number in it, of pods or of percent. */
export function amountOf(value: IntOrPercent): number {
  if (typeof value === "number") return value;
  const amount = Number.parseInt(value ?? "0", 10);
  return Number.isNaN(amount) ? 0 : amount;
}
