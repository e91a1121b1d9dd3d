import type { LabelSelector, PodTemplateSpec } from "#api/gen/types.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkSelector, isEmptySelector, selectorMatches } from "#api/rules/labels/validation.ts";
import { checkPodTemplate } from "#api/rules/pod/validation.ts";
import type { Loose } from "#api/rules/rules.ts";

interface Selecting {
  readonly selector?: Loose<LabelSelector> | undefined;
  readonly template?: Loose<PodTemplateSpec> | undefined;
}

/**
 * The selector and the template of a kind that keeps pods running: they fit each other, and the
 * pods restart. `kind` is as upstream's messages name it. Upstream: `ValidatePodTemplateSpecFor…`.
 */
export function checkSelecting(spec: Selecting, kind: string, at: Faults): void {
  const { selector } = spec;
  if (selector === undefined) {
    at.required("selector");
  } else {
    checkSelector("selector", selector, at);
    if (isEmptySelector(selector)) {
      // A ReplicaSet's message speaks of a deployment, upstream.
      const named = kind === "ReplicaSet" ? "deployment" : kind.toLowerCase();
      at.invalid("selector", selector, `empty selector is invalid for ${named}`);
    } else {
      checkMatch(selector, spec.template ?? {}, at);
    }
  }
  checkPodTemplate("template", spec.template ?? {}, at);
  checkAlwaysRuns(spec.template ?? {}, kind === "Deployment" ? "ReplicaSet" : kind, at);
}

/** Says so when the selector does not select the pods of the template. */
export function checkMatch(
  selector: Loose<LabelSelector>,
  template: Loose<PodTemplateSpec>,
  at: Faults,
): void {
  const labels = template.metadata?.labels;
  if (selectorMatches(selector, labels)) return;
  const detail = "`selector` does not match template `labels`";
  at.invalid("template.metadata.labels", labels ?? null, detail);
}

/** A pod that is kept running restarts always and has no deadline. */
export function checkAlwaysRuns(template: Loose<PodTemplateSpec>, kind: string, at: Faults): void {
  const policy = template.spec?.restartPolicy;
  if (policy !== "Always") at.notSupported("template.spec.restartPolicy", policy, ["Always"]);
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`;
    at.forbidden("template.spec.activeDeadlineSeconds", detail);
  }
}

/** Each of the fields is zero or more. */
export function checkCounts<Key extends string>(
  object: Readonly<Partial<Record<Key, unknown>>>,
  fields: readonly Key[],
  at: Faults,
): void {
  for (const field of fields) {
    const value = object[field];
    if (typeof value === "number") at.nonNegative(field, value);
  }
}

/** None of the fields is more than field `total`; absent counts as zero. */
export function checkNotAbove<Key extends string>(
  object: Readonly<Partial<Record<Key, unknown>>>,
  fields: readonly Key[],
  total: Key,
  at: Faults,
): void {
  const max = countOf(object[total]);
  for (const field of fields) {
    const value = countOf(object[field]);
    if (value > max) at.invalid(field, value, `cannot be greater than status.${total}`);
  }
}

/** Available pods are ready ones. */
export function checkAvailable(
  status: { readonly availableReplicas?: unknown; readonly readyReplicas?: unknown },
  than: string,
  at: Faults,
): void {
  const available = countOf(status.availableReplicas);
  if (available > countOf(status.readyReplicas)) {
    at.invalid("availableReplicas", available, `cannot be greater than ${than}`);
  }
}

function countOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

interface Colliding {
  readonly collisionCount?: number | undefined;
}

/** The count of hash collisions only grows. */
export function checkCollisions(next: Colliding, previous: Colliding, at: Faults): void {
  const [count, old] = [next.collisionCount, previous.collisionCount];
  if (old === undefined || (count !== undefined && count >= old)) return;
  at.invalid("collisionCount", count ?? 0, "cannot be decremented");
}
