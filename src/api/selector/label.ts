import { FieldPath, invalid, type FieldError } from "#api/field.ts";
import { labelValueFaults, qualifiedNameFaults } from "#api/names.ts";
import { childList, childObject, isJsonObject, type JsonObject } from "#api/object.ts";
import { badRequest } from "#api/status.ts";

/** What selectors select by. */
export type Labels = Readonly<Record<string, string>>;

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

/** One condition on one label. `values` are sorted: one for `=` and its like, none for `exists`. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** All requirements must hold, so none selects everything; `nothing` selects no object at all. */
export interface LabelSelector {
  readonly requirements: readonly LabelRequirement[];
  readonly nothing: boolean;
}

export const everything: LabelSelector = { requirements: [], nothing: false };
export const nothing: LabelSelector = { requirements: [], nothing: true };

/** Whether objects with these labels are selected. */
export function matchesLabels(selector: LabelSelector, labels: Labels | undefined): boolean {
  if (selector.nothing) return false;
  for (const requirement of selector.requirements) {
    // What a plain object inherits, like `constructor`, is never a string.
    const found = labels?.[requirement.key];
    if (!holds(requirement, typeof found === "string" ? found : undefined)) return false;
  }
  return true;
}

function holds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt":
      return value !== undefined && isBeyond(operator, value, values[0] ?? "");
  }
}

function isBeyond(operator: "gt" | "lt", value: string, bound: string): boolean {
  const [left, right] = [parseInteger(value), parseInteger(bound)];
  if (left === undefined || right === undefined) return false;
  return operator === "gt" ? left > right : left < right;
}

const int64Max = 2n ** 63n - 1n;

/** As Go's `strconv.ParseInt`: undefined outside of 64 bits. */
function parseInteger(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return value > int64Max || value < -int64Max - 1n ? undefined : value;
}

/** The value that a label must have for the selector to match, where there is only one. */
export function requiredLabel(selector: LabelSelector, key: string): string | undefined {
  const found = selector.requirements.find((it) => it.key === key);
  if (found === undefined || found.values.length !== 1) return undefined;
  return ["=", "==", "in"].includes(found.operator) ? found.values[0] : undefined;
}

/**
 * The selector as the query parameter `labelSelector` has it; {@link nothing} has no such form and
 * reads like {@link everything}, as upstream.
 */
export function formatLabelSelector(selector: LabelSelector): string {
  return selector.requirements.map(formatRequirement).join(",");
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  const list = values.join(",");
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${list})`;
    case "gt":
      return `${key}>${list}`;
    case "lt":
      return `${key}<${list}`;
    case "=":
    case "==":
    case "!=":
      return `${key}${operator}${list}`;
  }
}

/** A selector of requirements, in the order of their keys, which makes its text the same always. */
export function selectorOf(requirements: readonly LabelRequirement[]): LabelSelector {
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { requirements: sorted, nothing: false };
}

/**
 * The selector of a plain map, as Services and ReplicationControllers have: all labels must be
 * equal. An empty or absent map selects everything; callers that mean nothing by it check first.
 */
export function selectorOfLabels(labels: Labels | undefined): LabelSelector {
  const entries = Object.entries(labels ?? {});
  return selectorOf(entries.map(([key, value]) => ({ key, operator: "=", values: [value] })));
}

const operators: ReadonlyMap<unknown, LabelOperator> = new Map<unknown, LabelOperator>([
  ["In", "in"],
  ["NotIn", "notin"],
  ["Exists", "exists"],
  ["DoesNotExist", "!"],
]);

/**
 * The selector of a `metav1.LabelSelector` object. Undefined selects nothing, an empty object
 * everything. Upstream: `LabelSelectorAsSelector`.
 *
 * @throws {StatusError} 400 when a key, operator or value is not valid.
 */
export function labelSelectorOf(selector: JsonObject | undefined): LabelSelector {
  if (selector === undefined) return nothing;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(childObject(selector, "matchLabels") ?? {})) {
    requirements.push(checkedRequirement(key, "=", [typeof value === "string" ? value : ""]));
  }
  for (const expression of childList(selector, "matchExpressions").filter(isJsonObject)) {
    const operator = operators.get(expression["operator"]);
    if (operator === undefined) {
      const shown = JSON.stringify(expression["operator"] ?? "");
      throw badRequest(`${shown} is not a valid label selector operator`);
    }
    const values = childList(expression, "values").filter((it) => typeof it === "string");
    const key = typeof expression["key"] === "string" ? expression["key"] : "";
    requirements.push(checkedRequirement(key, operator, values));
  }
  return selectorOf(requirements);
}

/** @throws {StatusError} 400 with upstream's text when the requirement is not valid. */
export function checkedRequirement(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
): LabelRequirement {
  const errors = requirementErrors(key, operator, values);
  if (errors.length > 0) {
    const texts = errors.map((it) => `${it.field}: ${it.message}`);
    throw badRequest(texts.length === 1 ? texts.join("") : `[${texts.join(", ")}]`);
  }
  return { key, operator, values: [...new Set(values)].sort() };
}

function requirementErrors(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
): FieldError[] {
  const path = new FieldPath("values");
  const errors: FieldError[] = [];
  const keyFaults = qualifiedNameFaults(key);
  if (keyFaults.length > 0) errors.push(invalid(new FieldPath("key"), key, keyFaults.join("; ")));
  const count = countFault(operator, values.length);
  if (count !== undefined) errors.push(invalid(path, values, count));
  for (const [i, value] of values.entries()) {
    if ((operator === "gt" || operator === "lt") && parseInteger(value) === undefined) {
      const why = "for 'Gt', 'Lt' operators, the value must be an integer";
      errors.push(invalid(path.index(i), value, why));
    }
  }
  for (const [i, value] of values.entries()) {
    const faults = labelValueFaults(value);
    if (faults.length > 0) errors.push(invalid(path.index(i).key(key), value, faults.join("; ")));
  }
  return errors;
}

function countFault(operator: LabelOperator, count: number): string | undefined {
  switch (operator) {
    case "in":
    case "notin":
      return count > 0 ? undefined : "for 'in', 'notin' operators, values set can't be empty";
    case "=":
    case "==":
    case "!=":
      return count === 1 ? undefined : "exact-match compatibility requires one single value";
    case "exists":
    case "!":
      return count === 0 ? undefined : "values set must be empty for exists and does not exist";
    case "gt":
    case "lt":
      return count === 1 ? undefined : "for 'Gt', 'Lt' operators, exactly one value is required";
  }
}
