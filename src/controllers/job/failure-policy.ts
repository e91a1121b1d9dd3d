import type { Job, Pod, PodFailurePolicyRule } from "#api/gen/types.ts";
import { nameOf, namespaceOf } from "#client/object-key.ts";

/** What a Job does about a failed pod, by the first rule that matches. */
export type FailureAction =
  | { readonly kind: "count" | "ignore" | "failIndex" }
  | { readonly kind: "failJob"; readonly message: string };

const counted: FailureAction = { kind: "count" };

/** Upstream: `pkg/controller/job/pod_failure_policy.go`. */
export function failureAction({ spec }: Job, pod: Pod): FailureAction {
  for (const [index, rule] of (spec?.podFailurePolicy?.rules ?? []).entries()) {
    const why = rule.onExitCodes === undefined ? conditionMatch(rule, pod) : exitMatch(rule, pod);
    if (why === undefined) continue;
    switch (rule.action) {
      case "Ignore":
        return { kind: "ignore" };
      case "FailIndex":
        return { kind: "failIndex" };
      case "FailJob":
        return { kind: "failJob", message: `${why} matching FailJob rule at index ${index}` };
      default:
        return counted;
    }
  }
  return counted;
}

function exitMatch({ onExitCodes }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const { status } = pod;
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  for (const { name, state } of all) {
    const code = state?.terminated?.exitCode ?? 0;
    if (onExitCodes === undefined || code === 0) continue;
    if (onExitCodes.containerName !== undefined && onExitCodes.containerName !== name) continue;
    const isListed = onExitCodes.values.includes(code);
    if (isListed !== (onExitCodes.operator === "In")) continue;
    return `Container ${name} for pod ${placeOf(pod)} failed with exit code ${code}`;
  }
  return undefined;
}

function conditionMatch(rule: PodFailurePolicyRule, pod: Pod): string | undefined {
  const found = (pod.status?.conditions ?? []).find((condition) =>
    (rule.onPodConditions ?? []).some(
      (it) => it.type === condition.type && (it.status ?? "True") === condition.status,
    ),
  );
  return found === undefined ? undefined : `Pod ${placeOf(pod)} has condition ${found.type}`;
}

function placeOf(pod: Pod): string {
  return `${namespaceOf(pod)}/${nameOf(pod)}`;
}
