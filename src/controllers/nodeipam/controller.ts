import type { Node } from "#api/gen/types.ts";
import { nodes } from "#client/kinds.ts";
import { nameOf, uidOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { nextNodeRange, type PodRange } from "./plan.ts";

/** The pods of a cluster; its servers and nodes agree on it. */
const range: PodRange = { cluster: "10.244.0.0/16", nodePrefix: 24 };
/** A cluster that has run out of ranges looks again, for a node may have gone. */
const exhaustedMs = 30_000;

/** Gives every node a range of pod addresses of its own, in `spec.podCIDR`. It keeps it for life. */
export function nodeIpamController({ client, informers, recorder }: ControllerPorts): Controller {
  const nodeInformer = informers.of(nodes);
  const events = recorder("node-ipam-controller");
  /** Given, and perhaps not yet seen by the informer. By the node's uid. */
  const given = new Map<string, string>();
  return {
    name: "node-ipam-controller",
    // One: a range that is being given must not be given again.
    workers: 1,
    watches: [watches(nodeInformer, ownKey)],
    async reconcile(key, signal) {
      const all = nodeInformer.list();
      forget(given, all);
      const node = nodeInformer.get(key);
      if (node === undefined || rangesOf(node).length > 0 || given.has(uidOf(node))) return {};
      const podCIDR = nextNodeRange(range, [...all.flatMap(rangesOf), ...given.values()]);
      if (podCIDR === undefined) {
        const message = `Node ${key} gets no pod addresses: all ranges of ${range.cluster} are taken`;
        events.record(nodes, node, { type: "Warning", reason: "CIDRNotAvailable", message });
        return { afterMs: exhaustedMs };
      }
      given.set(uidOf(node), podCIDR);
      try {
        // A node that came by a range meanwhile, from itself, is refused by validation.
        const body = { metadata: { uid: uidOf(node) }, spec: { podCIDR, podCIDRs: [podCIDR] } };
        await client.patch(nodes, { name: nameOf(node) }, { type: "merge", body }, signal);
      } catch (error) {
        given.delete(uidOf(node));
        throw error;
      }
      return {};
    },
  };
}

function rangesOf({ spec }: Node): readonly string[] {
  if (spec?.podCIDRs !== undefined && spec.podCIDRs.length > 0) return spec.podCIDRs;
  return spec?.podCIDR === undefined || spec.podCIDR === "" ? [] : [spec.podCIDR];
}

/** What the informer shows, or what belongs to no node any more, needs no memory. */
function forget(given: Map<string, string>, all: readonly Node[]): void {
  const waiting = new Set(all.filter((it) => rangesOf(it).length === 0).map(uidOf));
  for (const uid of given.keys()) if (!waiting.has(uid)) given.delete(uid);
}
