import type { Pod } from "#api/gen/types.ts";
import { formatTime } from "#api/time.ts";
import { isStatus } from "#api/status.ts";
import { nodes, pods } from "#client/kinds.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { isFinished } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { watches, type Controller } from "#reconcile/controller.ts";
import { missingNodeMs, planPodCollection, type PodDeletion } from "./plan.ts";

/** The one key: all pods are looked at together. */
const allPods = "all";
/** Upstream looks every 20 seconds. */
const roundMs = 20_000;

/** Removes pods that nobody else will remove. */
export function podCollector(ports: ControllerPorts): Controller {
  const podInformer = ports.informers.of(pods);
  const nodeInformer = ports.informers.of(nodes);
  /** Nodes that pods name and that are not there, and since when. */
  const missing = new Map<string, number>();
  return {
    name: "pod-garbage-collector-controller",
    workers: 1,
    initialKeys: [allPods],
    watches: [
      watches(podInformer, () => []),
      watches(
        nodeInformer,
        () => [allPods],
        ({ current }) => current === undefined,
      ),
    ],
    async reconcile(_key, signal) {
      const all = podInformer.list();
      const now = ports.clock.monotonic();
      noteMissing(missing, all, { now, has: (it) => nodeInformer.get(it) !== undefined });
      const gone = await verified(missing, now, (it) => isGone(ports, it, signal));
      for (const deletion of planPodCollection(all, gone)) {
        await remove(ports, deletion, signal);
      }
      return { afterMs: missing.size > 0 ? missingNodeMs / 2 : roundMs };
    },
  };
}

function noteMissing(
  missing: Map<string, number>,
  all: readonly Pod[],
  known: { readonly now: number; has(node: string): boolean },
): void {
  const named = new Set(all.map((it) => it.spec?.nodeName ?? "").filter((it) => it !== ""));
  for (const node of missing.keys()) {
    if (!named.has(node) || known.has(node)) missing.delete(node);
  }
  for (const node of named) {
    if (!known.has(node) && !missing.has(node)) missing.set(node, known.now);
  }
}

/** Those that have been missing long enough and that the server does not have either. */
async function verified(
  missing: ReadonlyMap<string, number>,
  now: number,
  gone: (node: string) => Promise<boolean>,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const [node, since] of missing) {
    if (now - since >= missingNodeMs && (await gone(node))) found.add(node);
  }
  return found;
}

async function isGone(
  { client }: ControllerPorts,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.getMetadata(nodes, { name }, signal);
    return false;
  } catch (error) {
    if (isStatus(error, "NotFound")) return true;
    throw error;
  }
}

/** Upstream marks a pod that it interrupts as failed before it deletes it. */
async function remove(
  { client, clock }: ControllerPorts,
  { pod, reason }: PodDeletion,
  signal: AbortSignal,
): Promise<void> {
  const at = { namespace: namespaceOf(pod), name: nameOf(pod) };
  try {
    if (reason === "orphaned" && !isFinished(pod)) {
      const condition = {
        type: "DisruptionTarget",
        status: "True",
        reason: "DeletionByPodGC",
        message: "PodGC: node no longer exists",
        lastTransitionTime: formatTime(clock.now()),
      };
      const others = (pod.status?.conditions ?? []).filter((it) => it.type !== condition.type);
      const status = { ...pod.status, phase: "Failed", conditions: [...others, condition] };
      const body = { metadata: { uid: uidOf(pod) }, status };
      const patch = { type: "merge", body } as const;
      await client.patch(pods, { ...at, subresource: "status" }, patch, signal);
    }
    const options = { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } };
    await client.delete(pods, at, options, signal);
  } catch (error) {
    if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
  }
}
