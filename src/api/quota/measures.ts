import type { ResourceQuotaSpec } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Loose } from "#api/rules/rules.ts";
import { one } from "./amounts.ts";
import { claimMeasure } from "./claims.ts";
import { deviceClaimMeasure } from "./devices.ts";
import { countName, type Measure, type Scope } from "./measure.ts";
import { podMeasure } from "./pods.ts";
import { serviceMeasure } from "./services.ts";

/** The kinds of which more is measured than how many there are. */
const special: ReadonlyMap<string, Measure> = new Map([
  ["/pods", podMeasure],
  ["/services", serviceMeasure],
  ["/persistentvolumeclaims", claimMeasure],
  ["resource.k8s.io/resourceclaims", deviceClaimMeasure],
]);

/** Kinds that quotas could count before they could count every kind. */
const shortNames = new Set(["configmaps", "resourcequotas", "replicationcontrollers", "secrets"]);

/** What is not stored, or too fleeting to be counted. Upstream: `DefaultIgnoredResources`. */
const ignored = new Set([
  "/bindings",
  "/componentstatuses",
  "/events",
  "events.k8s.io/events",
  "authentication.k8s.io/tokenreviews",
  "authentication.k8s.io/selfsubjectreviews",
  "authorization.k8s.io/subjectaccessreviews",
  "authorization.k8s.io/selfsubjectaccessreviews",
  "authorization.k8s.io/localsubjectaccessreviews",
  "authorization.k8s.io/selfsubjectrulesreviews",
]);

/** How objects of a kind are measured; undefined for kinds that no quota counts. */
export function measureOf(kind: {
  readonly group: string;
  readonly plural: string;
}): Measure | undefined {
  const name = `${kind.group}/${kind.plural}`;
  return ignored.has(name) ? undefined : (special.get(name) ?? counting(kind.group, kind.plural));
}

/** True where the objects themselves are needed to measure them, and not only their number. */
export function needsObjects(kind: { readonly group: string; readonly plural: string }): boolean {
  return special.has(`${kind.group}/${kind.plural}`);
}

function counting(group: string, plural: string): Measure {
  const name = countName(group, plural);
  const names = group === "" && shortNames.has(plural) ? [name, plural] : [name];
  const usage = new Map(names.map((it) => [it, one]));
  return { counts: (it) => names.includes(it), usage: () => usage };
}

/** Every condition of a quota, in the longer form. */
export function scopesOf(spec: Loose<ResourceQuotaSpec> | undefined): Scope[] {
  const short = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" }));
  return [...short, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

/** Whether all conditions of a quota hold for the object. */
export function isInScope(
  measure: Measure,
  scopes: readonly Scope[],
  object: KubernetesObject,
): boolean {
  return scopes.every((it) => measure.isIn?.(it, object) === true);
}
