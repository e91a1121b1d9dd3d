import type { FieldError } from "#api/field.ts";
import type { Namespace, Node, Taint } from "#api/gen/types.ts";
import { labelValueFaults, qualifiedNameFaults } from "#api/names.ts";
import type { JsonObject } from "#api/object.ts";
import { cidrFaults } from "#api/rules/addresses.ts";
import { keepField } from "#api/rules/compose.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import { Faults } from "#api/rules/faults.ts";
import { checkKnownFinalizer } from "#api/rules/metadata/validation.ts";
import { checkAmount } from "#api/rules/pod/resource-names.ts";
import { checkTaintEffect } from "#api/rules/pod/scheduling.ts";
import type { Loose } from "#api/rules/rules.ts";

export function validateNamespace(namespace: Loose<Namespace>, at: Faults): void {
  for (const it of namespace.spec?.finalizers ?? []) {
    at.invalidAll("spec.finalizers", it, qualifiedNameFaults(it));
    checkKnownFinalizer(it, "spec.finalizers", at);
  }
}

export function validateNamespaceStatus(
  next: Loose<Namespace>,
  _previous: Loose<Namespace>,
  at: Faults,
): void {
  const phase = next.status?.phase ?? "";
  const isDeleted = next.metadata?.deletionTimestamp !== undefined;
  if (phase === (isDeleted ? "Terminating" : "Active")) return;
  const detail = isDeleted
    ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
    : "may only be 'Active' if `deletionTimestamp` is empty";
  at.invalid("status.Phase", phase, detail);
}

/** A write to `namespaces/{name}/finalize`: everything but the status. Changes `next`. */
export function prepareNamespaceFinalize(next: JsonObject, previous: JsonObject): void {
  keepField(next, previous, "status");
}

/** Upstream: `ValidateNamespaceFinalizeUpdate`, beyond the checks of metadata. */
export function validateNamespaceFinalize(next: Loose<Namespace>): FieldError[] {
  const at = new Faults();
  for (const [i, it] of (next.spec?.finalizers ?? []).entries()) {
    at.invalidAll(`spec.finalizers[${i}]`, it, qualifiedNameFaults(it));
    checkKnownFinalizer(it, `spec.finalizers[${i}]`, at);
  }
  return at.errors;
}

export function validateNode(node: Loose<Node>, at: Faults): void {
  // Upstream reports taints below metadata.
  checkTaints("metadata.taints", node.spec?.taints ?? [], at);
  for (const list of ["capacity", "allocatable"] as const) {
    const amounts = node.status?.[list];
    for (const name in amounts) {
      checkAmount(`status.${list}.${name}`, name, amounts[name] ?? "", at);
    }
  }
  for (const [i, it] of (node.spec?.podCIDRs ?? []).entries()) {
    at.invalidAll(`spec.podCIDRs[${i}]`, it, cidrFaults(it));
  }
}

function checkTaints(field: string, taints: readonly Loose<Taint>[], at: Faults): void {
  const seen = new Set<string>();
  for (const [i, it] of taints.entries()) {
    at.enter(field, i);
    const value = it.value ?? "";
    at.invalidAll("key", it.key, qualifiedNameFaults(it.key ?? ""));
    const faults = labelValueFaults(value);
    if (faults.length > 0) at.invalid("value", value, faults.join(";"));
    checkTaintEffect("effect", it.effect, at);
    const key = `${it.key ?? ""}:${it.effect ?? ""}`;
    if (seen.has(key)) at.duplicate("", it);
    seen.add(key);
    at.leave();
  }
}

export function validateNodeUpdate(next: Loose<Node>, previous: Loose<Node>, at: Faults): void {
  const [spec, old] = [next.spec ?? {}, previous.spec ?? {}];
  const seen: unknown[] = [];
  for (const [i, it] of (next.status?.addresses ?? []).entries()) {
    if (seen.some((other) => semanticEqual(other, it))) at.duplicate(`status.addresses[${i}]`, it);
    seen.push(it);
  }
  if ((old.podCIDRs ?? []).length > 0 && !semanticEqual(spec.podCIDRs, old.podCIDRs)) {
    const detail = 'node updates may not change podCIDR except from "" to valid';
    at.forbidden("spec.podCIDRs", detail);
  }
  if ((old.providerID ?? "") !== "" && spec.providerID !== old.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    at.forbidden("spec.providerID", detail);
  }
  if (!semanticEqual(spec.externalID, old.externalID)) {
    at.forbidden("spec.externalID", "may not be updated");
  }
}
