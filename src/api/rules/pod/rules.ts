import type { Affinity, LabelSelector, Pod, PodAffinityTerm } from "#api/gen/types.ts";
import type { Draft, Loose, Rules } from "#api/rules/rules.ts";
import { podPrinter } from "./columns.ts";
import { defaultPod } from "./defaults.ts";
import { qosClassOf } from "./qos.ts";
import { preparePodStatus, validatePodStatus } from "./status.ts";
import { validatePodUpdate } from "./update.ts";
import { validatePod } from "./validation.ts";
import { podWarnings } from "./warnings.ts";

/** Upstream: `pkg/registry/core/pod/strategy.go`. */
export const podRules: Rules<Pod> = {
  generation: true,
  default: defaultPod,
  create: prepareForCreate,
  updateStatus: (next, previous) => {
    preparePodStatus(next, previous);
    const metadata = (next.metadata ??= {});
    // Old nodes send these two wrongly; the collector of garbage depends on them.
    delete metadata.deletionTimestamp;
    if (previous.metadata?.deletionTimestamp !== undefined) {
      metadata.deletionTimestamp = previous.metadata.deletionTimestamp;
    }
    metadata.ownerReferences = previous.metadata?.ownerReferences?.map((it) => ({ ...it }));
    if (metadata.ownerReferences === undefined) delete metadata.ownerReferences;
  },
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatus: validatePodStatus,
  warnings: (next, previous) => (previous === undefined ? podWarnings(next) : []),
  gracePeriodSeconds,
  printer: podPrinter,
};

function prepareForCreate(pod: Draft<Pod>): void {
  const spec = pod.spec ?? {};
  pod.status = { phase: "Pending", qosClass: qosClassOf(spec) };
  if ((spec.schedulingGates ?? []).length > 0) {
    pod.status.conditions = [
      {
        type: "PodScheduled",
        status: "False",
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      },
    ];
  }
  if (spec.affinity !== undefined) mergeLabelKeys(spec.affinity, pod.metadata?.labels ?? {});
}

/** `matchLabelKeys` become part of the selector. Upstream: `mutatePodAffinity`. */
function mergeLabelKeys(affinity: Draft<Affinity>, labels: Readonly<Record<string, string>>): void {
  for (const kind of [affinity.podAffinity, affinity.podAntiAffinity]) {
    for (const it of kind?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (it.podAffinityTerm !== undefined) mergeTerm(it.podAffinityTerm, labels);
    }
    for (const it of kind?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      mergeTerm(it, labels);
    }
  }
}

function mergeTerm(term: Draft<PodAffinityTerm>, labels: Readonly<Record<string, string>>): void {
  if (term.labelSelector === undefined) return;
  mergeKeys(term.labelSelector, "In", term.matchLabelKeys ?? [], labels);
  mergeKeys(term.labelSelector, "NotIn", term.mismatchLabelKeys ?? [], labels);
}

function mergeKeys(
  selector: Draft<LabelSelector>,
  operator: string,
  keys: readonly string[],
  labels: Readonly<Record<string, string>>,
): void {
  for (const key of keys) {
    const value = labels[key];
    if (value === undefined) continue;
    (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
  }
}

/** None for a pod that no node has, or that has ended. Upstream: `CheckGracefulDelete`. */
function gracePeriodSeconds(pod: Loose<Pod>, asked: number | undefined): number {
  const isEnded = pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded";
  if ((pod.spec?.nodeName ?? "") === "" || isEnded) return 0;
  const seconds = asked ?? pod.spec?.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}
