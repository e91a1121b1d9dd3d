import type { PersistentVolumeClaimSpec, TypedObjectReference } from "#api/gen/types.ts";
import { dns1123LabelFaults, dns1123SubdomainFaults } from "#api/names.ts";
import { findQuantity } from "#api/quantity.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";

export const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/** `ReadWriteOncePod` stands alone. */
export function checkAccessModes(modes: readonly string[], at: Faults): void {
  for (const mode of modes) at.optionalOneOf("accessModes", mode, accessModes);
  const isExclusive = modes.includes("ReadWriteOncePod");
  if (isExclusive && modes.some((it) => it !== "ReadWriteOncePod" && accessModes.includes(it))) {
    at.forbidden("accessModes", "may not use ReadWriteOncePod with other access modes");
  }
}

/** The spec of a claim, or of a template for one. Upstream: `ValidatePersistentVolumeClaimSpec`. */
export function checkClaimSpec(
  field: string,
  spec: Loose<PersistentVolumeClaimSpec>,
  at: Faults,
): void {
  at.enter(field);
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) at.required("accessModes", "at least 1 access mode is required");
  checkSelector("selector", spec.selector, at);
  checkAccessModes(modes, at);
  checkStorage("resources[storage]", spec.resources?.requests?.["storage"], at);
  checkClassName("storageClassName", spec.storageClassName, at);
  at.optionalOneOf("volumeMode", spec.volumeMode, ["Block", "Filesystem"]);
  if (spec.dataSource !== undefined) checkSource("dataSource", spec.dataSource, at);
  if (spec.dataSourceRef !== undefined) {
    checkSource("dataSourceRef", spec.dataSourceRef, at);
    const namespace = spec.dataSourceRef.namespace ?? "";
    if (namespace !== "") {
      at.invalidAll("dataSourceRef.namespace", namespace, dns1123LabelFaults(namespace));
    }
  }
  checkClassName("volumeAttributesClassName", spec.volumeAttributesClassName, at);
  at.leave();
}

function checkClassName(field: string, name: string | undefined, at: Faults): void {
  if (name !== undefined && name !== "") at.invalidAll(field, name, dns1123SubdomainFaults(name));
}

/** An amount of storage that must be there and above zero. */
export function checkStorage(field: string, text: string | undefined, at: Faults): void {
  const amount = text === undefined ? undefined : findQuantity(text);
  if (amount === undefined) at.required(field);
  else if (amount.sign() <= 0) at.invalid(field, text, "must be greater than zero");
}

function checkSource(field: string, source: Loose<TypedObjectReference>, at: Faults): void {
  at.enter(field);
  if ((source.name ?? "") === "") at.required("name");
  if ((source.kind ?? "") === "") at.required("kind");
  const group = source.apiGroup ?? "";
  if (group !== "") at.invalidAll("apiGroup", group, dns1123SubdomainFaults(group));
  else if (source.kind !== "PersistentVolumeClaim") {
    const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    at.invalid("", source.kind, detail);
  }
  at.leave();
}
