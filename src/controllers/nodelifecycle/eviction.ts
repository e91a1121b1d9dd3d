import type { Pod } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import type { Informer } from "#client/informer.ts";
import { nodes, pods } from "#client/kinds.ts";
import { isDeleting, keyOf, nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { isFinished } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { sameJson } from "#controllers/same-json.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { evictionTime } from "./plan.ts";

/** Deletes pods from nodes with a NoExecute taint, once they tolerate it no longer. */
export function taintEvictionController(ports: ControllerPorts): Controller {
  const podInformer = ports.informers.of(pods);
  const nodeInformer = ports.informers.of(nodes);
  const recorder = ports.recorder("taint-eviction-controller");
  return {
    name: "taint-eviction-controller",
    workers: 8,
    watches: [
      watches(podInformer, ownKey, ({ previous, current }) => {
        const [before, after] = [previous?.spec, current?.spec];
        if (before?.nodeName !== after?.nodeName) return true;
        return !sameJson(before?.tolerations, after?.tolerations);
      }),
      watches(
        nodeInformer,
        (node) => podsOnNode(podInformer, nameOf(node)).map(keyOf),
        ({ previous, current }) => !sameJson(previous?.spec?.taints, current?.spec?.taints),
      ),
    ],
    async reconcile(key, signal) {
      const pod = podInformer.get(key);
      if (pod === undefined || isDeleting(pod) || isFinished(pod)) return {};
      const node = nodeInformer.get(pod.spec?.nodeName ?? "");
      const now = ports.clock.now();
      const at = evictionTime(pod, node?.spec?.taints ?? [], now);
      if (at === undefined) return {};
      if (at > now) return { afterMs: at - now };
      const message = `Marking for deletion Pod ${key}`;
      recorder.record(pods, pod, { type: "Normal", reason: "TaintManagerEviction", message });
      await evict(ports, pod, signal);
      return {};
    },
  };
}

/** The pods that are bound to a node. */
export function podsOnNode(informer: Informer<Pod>, node: string): Pod[] {
  informer.addIndex("node", nodeNames);
  return informer.byIndex("node", node);
}

function nodeNames(pod: Pod): string[] {
  const name = pod.spec?.nodeName ?? "";
  return name === "" ? [] : [name];
}

async function evict(
  { client, clock }: ControllerPorts,
  pod: Pod,
  signal: AbortSignal,
): Promise<void> {
  const at = { namespace: namespaceOf(pod), name: nameOf(pod) };
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
    lastTransitionTime: formatTime(clock.now()),
  };
  const body = { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } };
  try {
    await client.patch(pods, { ...at, subresource: "status" }, { type: "strategic", body }, signal);
    await client.delete(pods, at, { preconditions: { uid: uidOf(pod) } }, signal);
  } catch (error) {
    if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
  }
}
