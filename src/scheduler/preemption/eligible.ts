import type { Pod } from "#api/gen/types.ts";

/** Why a pod may not make others go; undefined: it may. As upstream words it. */
export function ineligible(
  pod: Pod,
  nominated: {
    /** Whether it has room promised on a node that might do once victims are gone. */
    readonly isHopeful: boolean;
    /** Less important pods on that node. */
    readonly lesserPods: readonly Pod[];
  },
): string | undefined {
  if (pod.spec?.preemptionPolicy === "Never") {
    return "not eligible due to preemptionPolicy=Never.";
  }
  if (nominated.isHopeful && nominated.lesserPods.some(isBeingPreempted)) {
    return "not eligible due to a terminating pod on the nominated node.";
  }
  return undefined;
}

/** Ends because the scheduler asked it to. */
function isBeingPreempted({ metadata, status }: Pod): boolean {
  if (metadata?.deletionTimestamp === undefined) return false;
  const found = status?.conditions?.find((it) => it.type === "DisruptionTarget");
  return found?.status === "True" && found.reason === "PreemptionByScheduler";
}
