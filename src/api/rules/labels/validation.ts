import type { LabelSelector } from "#api/gen/types.ts";
import { labelValueFaults, qualifiedNameFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";

type StringMap = Readonly<Record<string, string>>;

/** Labels, or any other map by the same rule (`nodeSelector`, a Service's selector). */
export function checkLabels(name: string, labels: StringMap | undefined, at: Faults): void {
  for (const key in labels) {
    const value = labels[key] ?? "";
    at.invalidAll(name, key, qualifiedNameFaults(key));
    at.invalidAll(name, value, labelValueFaults(value));
  }
}

const annotationBytesMax = 256 * 1024;

export function checkAnnotations(
  name: string,
  annotations: StringMap | undefined,
  at: Faults,
): void {
  let size = 0;
  for (const key in annotations) {
    size += key.length + byteLength(annotations[key] ?? "", annotationBytesMax);
    at.invalidAll(name, key, qualifiedNameFaults(key.toLowerCase()));
  }
  if (size > annotationBytesMax) at.tooLong(name, annotationBytesMax);
}

/**
 * Bytes of a text in UTF-8. Short texts are taken at their length, which is exact for ASCII: only
 * texts that could reach `near` are counted.
 */
export function byteLength(text: string, near: number): number {
  if (text.length * 3 < near / 64) return text.length;
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // A surrogate pair is two units and four bytes.
    if (code >= 0x80) bytes += code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** A selector at field `name` of the current place; undefined is fine. */
export function checkSelector(
  name: string,
  selector: Loose<LabelSelector> | undefined,
  at: Faults,
): void {
  if (selector === undefined) return;
  at.enter(name);
  checkLabels("matchLabels", selector.matchLabels, at);
  for (const [i, it] of (selector.matchExpressions ?? []).entries()) {
    at.enter("matchExpressions", i);
    checkOperator(it.operator ?? "", it.values ?? [], at);
    at.invalidAll("key", it.key, qualifiedNameFaults(it.key ?? ""));
    for (const [j, value] of (it.values ?? []).entries()) {
      at.invalidAll(`values[${j}]`, value, labelValueFaults(value));
    }
    at.leave();
  }
  at.leave();
}

function checkOperator(operator: string, values: readonly string[], at: Faults): void {
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0) {
      at.required("values", "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0) {
      at.forbidden("values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else {
    at.invalid("operator", operator, "not a valid selector operator");
  }
}

/** True when the selector names nothing, and so selects everything. */
export function isEmptySelector(selector: Loose<LabelSelector>): boolean {
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  );
}

/** Whether a set of labels is selected. An unknown operator selects nothing. */
export function selectorMatches(
  selector: Loose<LabelSelector>,
  labels: StringMap | undefined,
): boolean {
  const set = labels ?? {};
  for (const key in selector.matchLabels) {
    if (set[key] !== selector.matchLabels[key]) return false;
  }
  return (selector.matchExpressions ?? []).every((it) => {
    const value = set[it.key ?? ""];
    if (it.operator === "Exists") return value !== undefined;
    if (it.operator === "DoesNotExist") return value === undefined;
    const listed = value !== undefined && (it.values ?? []).includes(value);
    if (it.operator === "NotIn") return !listed;
    return it.operator === "In" && listed;
  });
}
