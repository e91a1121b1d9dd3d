import type { Lease, PriorityClass, RuntimeClass } from "#api/gen/types.ts";
import { dns1123LabelFaults } from "#api/names.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkLabels } from "#api/rules/labels/validation.ts";
import { checkResources } from "#api/rules/pod/resources.ts";
import { checkTolerations } from "#api/rules/pod/scheduling.ts";
import type { Loose } from "#api/rules/rules.ts";

export function validateLease(lease: Loose<Lease>, at: Faults): void {
  const spec = lease.spec ?? {};
  at.enter("spec");
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec;
  if (seconds !== undefined && seconds <= 0) {
    at.invalid("leaseDurationSeconds", seconds, "must be greater than 0");
  }
  at.nonNegative("leaseTransitions", transitions);
  const strategy = spec.strategy ?? "";
  if (strategy !== "" && !strategy.includes("/")) {
    at.optionalOneOf("strategy.strategy", strategy, ["OldestEmulationVersion"]);
  }
  if ((spec.preferredHolder ?? "") !== "" && strategy === "") {
    at.forbidden("preferredHolder", "may only be specified if `strategy` is defined");
  }
  at.leave();
}

const userPriorityMax = 1_000_000_000;

const systemPriorities: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

export function validatePriorityClass(it: Loose<PriorityClass>, at: Faults): void {
  const [name, value] = [it.metadata?.name ?? "", it.value ?? 0];
  if (name.startsWith("system-")) {
    const fault = systemFault(name, value, it.globalDefault === true);
    if (fault !== undefined) {
      const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${fault}`;
      at.forbidden("metadata.name", detail);
    }
  } else if (value > userPriorityMax) {
    const detail = `maximum allowed value of a user defined priority is ${userPriorityMax}`;
    at.forbidden("value", detail);
  }
  const policy = it.preemptionPolicy;
  if (policy !== undefined) at.oneOf("preemptionPolicy", policy, ["PreemptLowerPriority", "Never"]);
}

function systemFault(name: string, value: number, isDefault: boolean): string | undefined {
  const known = systemPriorities[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return isDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(
  next: Loose<PriorityClass>,
  previous: Loose<PriorityClass>,
  at: Faults,
): void {
  if (!semanticEqual(next.value, previous.value)) {
    at.forbidden("value", "may not be changed in an update.");
  }
  if (!semanticEqual(next.preemptionPolicy, previous.preemptionPolicy)) {
    at.invalid("preemptionPolicy", next.preemptionPolicy ?? null, "field is immutable");
  }
}

export function validateRuntimeClass(it: Loose<RuntimeClass>, at: Faults): void {
  const handler = it.handler ?? "";
  if (handler === "") at.required("handler");
  else at.invalidAll("handler", handler, dns1123LabelFaults(handler));
  if (it.overhead !== undefined) {
    at.enter("overhead");
    checkResources({ limits: it.overhead.podFixed }, new Set(), at);
    at.leave();
  }
  if (it.scheduling === undefined) return;
  at.enter("scheduling");
  checkLabels("nodeSelector", it.scheduling.nodeSelector, at);
  checkTolerations(it.scheduling.tolerations ?? [], at);
  at.leave();
}

export function validateRuntimeClassUpdate(
  next: Loose<RuntimeClass>,
  previous: Loose<RuntimeClass>,
  at: Faults,
): void {
  if (next.handler !== previous.handler) {
    at.invalid("handler", next.handler, "field is immutable");
  }
}
