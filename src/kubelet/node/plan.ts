import type { NodeStatus } from "#api/gen/types.ts";

/** The status is written again after this long even when nothing changed (upstream: 5 min). */
export const heartbeatMs = 300_000;

/**
 * Whether a node's status is worth a write: something changed beside the time of looking and the
 * list of images, or the last write is long ago.
 */
export function shouldWriteStatus(
  written: { readonly status: NodeStatus; readonly atMs: number } | undefined,
  next: NodeStatus,
  nowMs: number,
): boolean {
  if (written === undefined || nowMs - written.atMs >= heartbeatMs) return true;
  return text(written.status) !== text(next);
}

/**
 * Whether the API shows the conditions as the node judges them. Who has not heard of a node for long
 * writes that its readiness is unknown, which only the node itself can take back.
 */
export function showsConditions(shown: NodeStatus | undefined, judged: NodeStatus): boolean {
  const found = new Map((shown?.conditions ?? []).map((it) => [it.type, it.status]));
  return (judged.conditions ?? []).every((it) => found.get(it.type) === it.status);
}

function text({ images, conditions = [], ...status }: NodeStatus): string {
  const names = (images ?? []).flatMap((it) => it.names ?? []).sort();
  const judged = conditions.map((it) => [it.type, it.status, it.reason, it.message]);
  return JSON.stringify([status, judged, names]);
}
