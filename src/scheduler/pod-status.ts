import type { Pod } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import type { Clock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { pods } from "#client/kinds.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { isGone } from "./preemption/executor.ts";

/** What a pod without a node is to say of itself. */
export interface WaitingStatus {
  readonly message: string;
  /** Where it has room promised; "": nowhere; undefined: as it says already. */
  readonly nominatedNode: string | undefined;
}

/** Writes why the pod has no node, unless it says so already. Nobody minds a pod that is gone. */
export async function writeWaiting(
  pod: Pod,
  { message, nominatedNode }: WaitingStatus,
  { client, clock }: { readonly client: Client; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const { conditions = [], nominatedNodeName = "" } = pod.status ?? {};
  const present = conditions.find((it) => it.type === "PodScheduled");
  const isNodeTold = nominatedNode === undefined || nominatedNode === nominatedNodeName;
  if (isNodeTold && present?.status === "False" && present.message === message) return;
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastProbeTime: null,
    lastTransitionTime:
      present?.status === "False" ? present.lastTransitionTime : formatTime(clock.now()),
  };
  const status = {
    conditions: [condition],
    ...(isNodeTold ? {} : { nominatedNodeName: nominatedNode === "" ? null : nominatedNode }),
  };
  const at = { namespace: namespaceOf(pod), name: nameOf(pod), subresource: "status" };
  const body = { metadata: { uid: uidOf(pod) }, status };
  try {
    await client.patch(pods, at, { type: "strategic", body }, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
