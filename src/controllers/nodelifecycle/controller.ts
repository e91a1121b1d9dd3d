import type { Node, Pod } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import { leases, nodes, pods } from "#client/kinds.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { isReady, readyCondition } from "#controllers/pods/readiness.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { podsOnNode } from "./eviction.ts";
import { NodeHealth } from "./health.ts";
import { KnownNodes } from "./known-nodes.ts";
import { planNode, type NodePlan } from "./plan.ts";
import { EvictionPace, NodeCensus } from "./zones.ts";

/** While a zone is in trouble, or a node changes all the time, it is looked at again this often. */
const troubleMs = 10_000;

/** Tells which nodes are not heard from, and taints those that should not get or keep pods. */
export function nodeLifecycleController(ports: ControllerPorts): Controller {
  const { client, clock, informers } = ports;
  const nodeInformer = informers.of(nodes);
  const leaseInformer = informers.of(leases, { namespace: "kube-node-lease" });
  const podInformer = informers.of(pods);
  const health = new NodeHealth();
  const census = new NodeCensus();
  nodeInformer.subscribe(({ key, current }) => {
    census.set(key, current);
  });
  const pace = new EvictionPace(census);
  const recorder = ports.recorder("node-controller");
  const known = new KnownNodes(recorder);
  return {
    name: "node-lifecycle-controller",
    workers: 8,
    watches: [
      watches(nodeInformer, ownKey),
      watches(leaseInformer, (it) => [nameOf(it)]),
      { synced: (signal) => podInformer.synced(signal), subscribe: () => () => undefined },
    ],
    async reconcile(key, signal) {
      const node = nodeInformer.get(key);
      known.see(key, node);
      if (node === undefined) {
        health.forget(key);
        return {};
      }
      const lease = leaseInformer.get(`kube-node-lease/${key}`);
      const monotonicMs = clock.monotonic();
      const silentMs = health.observe(node, lease, monotonicMs);
      const input = { node, silentMs, now: clock.now() };
      const held = planNode({ ...input, mayEvict: false });
      const waitMs = held.wantsEviction ? pace.waitMs(node, monotonicMs) : undefined;
      const plan = waitMs === 0 ? planNode({ ...input, mayEvict: true }) : held;
      if (waitMs === 0) pace.take(node, monotonicMs);
      if (!(await write(ports, node, plan, signal))) return { afterMs: troubleMs };
      if (plan.conditions.some((it) => it.type === "Ready")) {
        const message = `Node ${key} status is now: NodeNotReady`;
        recorder.record(nodes, node, { type: "Normal", reason: "NodeNotReady", message });
      }
      if (isUnknown(node, plan)) {
        for (const pod of podsOnNode(podInformer, key)) {
          if (!isReady(pod)) continue;
          const event = { type: "Warning", reason: "NodeNotReady" } as const;
          recorder.record(pods, pod, { ...event, message: "Node is not ready" });
          await markNotReady(client, pod, clock.now(), signal);
        }
      }
      const pacedMs = plan.wantsEviction && waitMs !== 0 ? (waitMs ?? troubleMs) : undefined;
      return { afterMs: earliest(plan.silentAfterMs, pacedMs) };
    },
  };
}

/** False: the node has changed meanwhile, and what changed is on its way here and calls again. */
async function write(
  { client }: ControllerPorts,
  node: Node,
  plan: NodePlan,
  signal: AbortSignal,
): Promise<boolean> {
  const at = { name: nameOf(node) };
  if (plan.conditions.length > 0) {
    // Conditions merge by their type, so those of the kubelet that are newer stay.
    const body = { status: { conditions: plan.conditions } };
    await client.patch(
      nodes,
      { ...at, subresource: "status" },
      { type: "strategic", body },
      signal,
    );
  }
  if (plan.taints === undefined) return true;
  const { taints } = plan;
  // Taints are one list with several writers.
  const resourceVersion = plan.conditions.length > 0 ? undefined : node.metadata?.resourceVersion;
  const metadata = { uid: uidOf(node), resourceVersion };
  try {
    await client.patch(nodes, at, { type: "merge", body: { metadata, spec: { taints } } }, signal);
    return true;
  } catch (error) {
    if (!isStatus(error, "Conflict")) throw error;
    return false;
  }
}

function isUnknown(node: Node, plan: NodePlan): boolean {
  const conditions = [...plan.conditions, ...(node.status?.conditions ?? [])];
  return conditions.find((it) => it.type === "Ready")?.status === "Unknown";
}

/** Services must not send traffic to pods of a node that nobody hears from. */
async function markNotReady(
  client: ControllerPorts["client"],
  pod: Pod,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const condition = {
    ...readyCondition(pod),
    type: "Ready",
    status: "False",
    reason: "NodeNotReady",
    lastTransitionTime: formatTime(now),
  };
  const body = { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } };
  const at = { namespace: namespaceOf(pod), name: nameOf(pod), subresource: "status" };
  try {
    await client.patch(pods, at, { type: "strategic", body }, signal);
  } catch (error) {
    if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
  }
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((it) => it !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
