import {
  childList,
  childObject,
  childString,
  isJsonObject,
  type Json,
  type JsonObject,
} from "#api/object.ts";

/**
 * The roles with the rules of those that gather others filled in. Upstream:
 * `pkg/controller/clusterroleaggregation`.
 */
export function aggregate(roles: readonly JsonObject[]): JsonObject[] {
  let current = [...roles];
  // A role that gathers may be gathered itself; each round carries rules one level up.
  for (let round = 0; round < levelsMax; round++) {
    const known = current;
    const next = known.map((it) => {
      const rules = gatheredRules(it, known);
      return rules === undefined ? it : { ...it, rules };
    });
    if (next.every((it, at) => it === current[at])) break;
    current = next;
  }
  return current;
}

/** Levels of roles that gather roles that gather; deeper ones are completed by later rounds. */
const levelsMax = 8;

/** The rules that a role should have; undefined when it gathers none, or has them already. */
export function gatheredRules(role: JsonObject, roles: readonly JsonObject[]): Json[] | undefined {
  const rule = childObject(role, "aggregationRule");
  const selectors = childList(rule, "clusterRoleSelectors").filter(isJsonObject);
  if (selectors.length === 0) return undefined;
  const name = nameOf(role);
  const sorted = roles.filter((it) => nameOf(it) !== name).sort(byName);
  const found = new Map<string, Json>();
  for (const selector of selectors) {
    for (const other of sorted) {
      if (!selects(selector, childObject(childObject(other, "metadata"), "labels") ?? {})) continue;
      for (const it of childList(other, "rules")) found.set(JSON.stringify(it), it);
    }
  }
  const rules = [...found.values()];
  return JSON.stringify(rules) === JSON.stringify(childList(role, "rules")) ? undefined : rules;
}

function selects(selector: JsonObject, labels: JsonObject): boolean {
  const equal = Object.entries(childObject(selector, "matchLabels") ?? {});
  if (!equal.every(([key, value]) => labels[key] === value)) return false;
  return childList(selector, "matchExpressions")
    .filter(isJsonObject)
    .every((it) => satisfies(it, labels[childString(it, "key") ?? ""]));
}

function satisfies(expression: JsonObject, label: Json | undefined): boolean {
  const listed = childList(expression, "values").some((it) => it === label);
  switch (childString(expression, "operator") ?? "") {
    case "In":
      return label !== undefined && listed;
    case "NotIn":
      return label === undefined || !listed;
    case "Exists":
      return label !== undefined;
    case "DoesNotExist":
      return label === undefined;
    default:
      return false;
  }
}

function byName(left: JsonObject, right: JsonObject): number {
  return nameOf(left) < nameOf(right) ? -1 : 1;
}

function nameOf(role: JsonObject): string {
  return childString(childObject(role, "metadata"), "name") ?? "";
}
