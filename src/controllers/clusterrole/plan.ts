import type { ClusterRole, PolicyRule } from "#api/gen/types.ts";
import { matchesSelector } from "#controllers/ownership/selection.ts";
import { nameOf } from "#client/object-key.ts";
import { sameJson } from "#controllers/same-json.ts";

/**
 * The rules that an aggregated role is to have: those of all roles that its selectors choose, in
 * the order of their names, each rule once. Undefined when it gathers none, or has them already.
 */
export function aggregatedRules(
  role: ClusterRole,
  all: readonly ClusterRole[],
): readonly PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined || selectors.length === 0) return undefined;
  const rules: PolicyRule[] = [];
  const chosen = all
    .filter((it) => nameOf(it) !== nameOf(role))
    .filter((it) => selectors.some((selector) => matchesSelector(selector, it.metadata?.labels)))
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  for (const rule of chosen.flatMap((it) => it.rules ?? [])) {
    if (!rules.some((it) => sameJson(it, rule))) rules.push(rule);
  }
  return sameJson(rules, role.rules ?? []) ? undefined : rules;
}
