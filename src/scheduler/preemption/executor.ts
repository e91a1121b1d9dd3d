import type { Pod } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { pods } from "#client/kinds.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import type { EventRecorder } from "#reconcile/events.ts";

export interface ExecutorOptions {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** The scheduler's own, as pods name it. */
  readonly name: string;
}

export interface Execution {
  readonly preemptor: Pod;
  readonly node: string;
  readonly victims: readonly Pod[];
}

/** Makes the victims go: says on each why, then deletes it with the time that it has to end. */
export async function evictVictims(
  { preemptor, node, victims }: Execution,
  options: ExecutorOptions,
  signal: AbortSignal,
): Promise<void> {
  const message = `Preempted by pod ${uidOf(preemptor)} on node ${node}`;
  await Promise.all(
    victims.map(async (victim) => {
      // It is ending anyway.
      if (victim.metadata?.deletionTimestamp !== undefined) return;
      try {
        await tellWhy(victim, options, signal);
        const at = { namespace: namespaceOf(victim), name: nameOf(victim) };
        const preconditions = { uid: uidOf(victim) };
        await options.client.delete(pods, at, { preconditions }, signal);
      } catch (error) {
        if (!isGone(error)) throw error;
        return;
      }
      options.events.record(pods, victim, { type: "Normal", reason: "Preempted", message });
    }),
  );
}

async function tellWhy(
  victim: Pod,
  { client, clock, name }: ExecutorOptions,
  signal: AbortSignal,
): Promise<void> {
  const present = victim.status?.conditions?.find((it) => it.type === "DisruptionTarget");
  const now = formatTime(clock.now());
  const { generation } = victim.metadata ?? {};
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "PreemptionByScheduler",
    message: `${name}: preempting to accommodate a higher priority pod`,
    lastProbeTime: null,
    lastTransitionTime: present?.status === "True" ? (present.lastTransitionTime ?? now) : now,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  const at = { namespace: namespaceOf(victim), name: nameOf(victim), subresource: "status" };
  const body = { metadata: { uid: uidOf(victim) }, status: { conditions: [condition] } };
  await client.patch(pods, at, { type: "strategic", body }, signal);
}

/** Takes back on the pod itself that it has room promised. */
export async function clearNomination(
  pod: Pod,
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  if ((pod.status?.nominatedNodeName ?? "") === "") return;
  const at = { namespace: namespaceOf(pod), name: nameOf(pod), subresource: "status" };
  const body = { metadata: { uid: uidOf(pod) }, status: { nominatedNodeName: null } };
  try {
    await client.patch(pods, at, { type: "strategic", body }, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Deleted, or made anew under its name. */
export function isGone(error: unknown): boolean {
  return isStatus(error, "NotFound") || isStatus(error, "Conflict");
}
