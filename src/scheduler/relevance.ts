import type { Node, Pod } from "#api/gen/types.ts";

/** A pod that has no node and may have one. */
export function waitsForNode({ metadata, spec, status }: Pod): boolean {
  if ((spec?.nodeName ?? "") !== "" || metadata?.deletionTimestamp !== undefined) return false;
  if ((spec?.schedulingGates ?? []).length > 0) return false;
  return !isTerminal(status?.phase);
}

/** Its containers have ended for good: it takes nothing of its node any more. */
export function hasEnded(pod: Pod): boolean {
  return isTerminal(pod.status?.phase);
}

function isTerminal(phase: string | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed";
}

/** Nothing changed that a decision looks at. */
export function sameForScheduling(previous: Node, current: Node): boolean {
  const relevant = ({ metadata, spec, status }: Node): string =>
    JSON.stringify([metadata?.labels, spec?.taints, spec?.unschedulable, status?.allocatable]);
  return relevant(previous) === relevant(current);
}

/** Waits for a node, and names us to find it. */
export function isOurs(pod: Pod, schedulerName: string): boolean {
  return waitsForNode(pod) && (pod.spec?.schedulerName ?? schedulerName) === schedulerName;
}

/** Is ours, and waits until somebody takes its gates away. */
export function isGated(pod: Pod, schedulerName: string): boolean {
  const { metadata, spec } = pod;
  if ((spec?.schedulingGates ?? []).length === 0 || (spec?.nodeName ?? "") !== "") return false;
  if (metadata?.deletionTimestamp !== undefined) return false;
  return (spec?.schedulerName ?? schedulerName) === schedulerName;
}

/** A change of the pod itself that may let it fit: fewer gates, more tolerations, other labels. */
export function changedInFavour(previous: Pod, current: Pod): boolean {
  const relevant = ({ metadata, spec }: Pod): string => JSON.stringify([metadata?.labels, spec]);
  return relevant(previous) !== relevant(current);
}

/** A change of a pod on its node that others feel: other labels, or another spec (a resize). */
export function changedOnNode(previous: Pod, current: Pod): boolean {
  const [before, now] = [previous.metadata, current.metadata];
  if (isResizing(previous) || isResizing(current)) return true;
  // A pod that begins to end has a new generation, too, and takes what it took.
  const isEnding = before?.deletionTimestamp !== now?.deletionTimestamp;
  if (!isEnding && before?.generation !== now?.generation) return true;
  const [old, labels] = [before?.labels ?? {}, now?.labels ?? {}];
  const keys = Object.keys(labels);
  return keys.length !== Object.keys(old).length || keys.some((key) => old[key] !== labels[key]);
}

/** What it takes may change with its status alone. */
function isResizing({ status }: Pod): boolean {
  return status?.conditions?.some((it) => it.type.startsWith("PodResize")) ?? false;
}
