import type { KubernetesObject } from "#api/object.ts";
import type { ScopedResourceSelectorRequirement } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import type { Amounts } from "./amounts.ts";

/** One condition under which a quota counts an object. */
export type Scope = Loose<ScopedResourceSelectorRequirement>;

/** How much of what an object of one kind uses. Upstream: apiserver `quota.Evaluator`. */
export interface Measure {
  /** True for names in a quota that concern the kind. */
  counts(name: string): boolean;
  /** What the object takes; `nowMs` is milliseconds since 1970. */
  usage(object: KubernetesObject, nowMs: number): Amounts;
  /** Without it no scope holds for the kind. */
  isIn?(scope: Scope, object: KubernetesObject): boolean;
  /**
   * What the object would have to say of `names` and does not, as a sentence about it; undefined
   * when it says it all. Pods, of processors and memory.
   */
  missing?(names: readonly string[], object: KubernetesObject): string | undefined;
}

/** `count/pods`, `count/deployments.apps` */
export function countName(group: string, plural: string): string {
  return group === "" ? `count/${plural}` : `count/${plural}.${group}`;
}

/** Whether a label-like value is what the scope asks for. */
export function selects({ operator, values = [] }: Scope, value: string | undefined): boolean {
  const has = value !== undefined && value !== "";
  switch (operator) {
    case "In":
      return has && values.includes(value);
    case "NotIn":
      return !has || !values.includes(value);
    case "Exists":
      return has;
    case "DoesNotExist":
      return !has;
    case undefined:
    default:
      return false;
  }
}
