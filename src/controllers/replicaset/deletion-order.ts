import type { Pod } from "#api/gen/types.ts";
import { parseTime } from "#api/time.ts";
import { uidOf } from "#client/object-key.ts";
import { isReady, readySince } from "#controllers/pods/readiness.ts";

const costAnnotation = "controller.kubernetes.io/pod-deletion-cost";
const phases: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The pods in the order in which a scale-down removes them, the most dispensable first.
 * `podsOnNode` counts the active pods of related replica sets on a node. Upstream:
 * `controller_utils.go`, `ActivePodsWithRanks`.
 */
export function deletionOrder(
  pods: readonly Pod[],
  podsOnNode: ReadonlyMap<string, number>,
  now: number,
): Pod[] {
  return pods
    .map((pod) => ({ pod, rank: rankOf(pod, podsOnNode, now) }))
    .sort((a, b) => compareRanks(a.rank, b.rank))
    .map((it) => it.pod);
}

/** Compared element by element, the smaller is removed first. */
type Rank = readonly (number | string)[];

function rankOf(pod: Pod, podsOnNode: ReadonlyMap<string, number>, now: number): Rank {
  const node = pod.spec?.nodeName ?? "";
  const ready = isReady(pod);
  return [
    node === "" ? 0 : 1,
    phases[pod.status?.phase ?? ""] ?? 0,
    ready ? 1 : 0,
    costOf(pod),
    -(podsOnNode.get(node) ?? 0),
    // On a logarithmic scale, so that pods of about the same age differ by their uid only.
    ready ? ageStep(readySince(pod), now) : 0,
    -restartsOf(pod),
    ageStep(parseTime(pod.metadata?.creationTimestamp ?? ""), now),
    uidOf(pod),
  ];
}

function compareRanks(a: Rank, b: Rank): number {
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** 0 for an unknown or future time, otherwise the power of two that the age in seconds reaches. */
function ageStep(since: number | undefined, now: number): number {
  if (since === undefined || since >= now) return 0;
  return 1 + Math.floor(Math.log2(Math.max(1, (now - since) / 1_000)));
}

function costOf(pod: Pod): number {
  const cost = Number(pod.metadata?.annotations?.[costAnnotation] ?? "0");
  return Number.isFinite(cost) ? cost : 0;
}

function restartsOf(pod: Pod): number {
  const { containerStatuses = [] } = pod.status ?? {};
  return containerStatuses.reduce((most, it) => Math.max(most, it.restartCount), 0);
}
