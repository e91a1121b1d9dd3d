import type { Node } from "#api/gen/types.ts";
import { nodes } from "#client/kinds.ts";
import { nameOf, uidOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import { NodeRanges, type PodRange } from "./plan.ts";

/** The pods of a cluster; its servers and nodes agree on it. */
const range: PodRange = { cluster: "10.244.0.0/16", nodePrefix: 24 };
/** A cluster that has run out of ranges looks again, for a node may have gone. */
const exhaustedMs = 30_000;

/** Gives every node a range of pod addresses of its own, in `spec.podCIDR`. It keeps it for life. */
export function nodeIpamController({ client, informers, recorder }: ControllerPorts): Controller {
  const nodeInformer = informers.of(nodes);
  const events = recorder("node-ipam-controller");
  /** By the node's uid; what was given is in it before the informer shows it. */
  const ranges = new NodeRanges(range);
  nodeInformer.subscribe(({ previous, current }) => {
    if (previous !== undefined && (current === undefined || uidOf(previous) !== uidOf(current))) {
      ranges.release(uidOf(previous));
    }
    if (current !== undefined && rangesOf(current).length > 0) {
      ranges.hold(uidOf(current), rangesOf(current));
    }
  });
  return {
    name: "node-ipam-controller",
    // One: a range that is being given must not be given again.
    workers: 1,
    watches: [watches(nodeInformer, ownKey)],
    async reconcile(key, signal) {
      const node = nodeInformer.get(key);
      if (node === undefined || ranges.has(uidOf(node))) return {};
      const podCIDR = ranges.take(uidOf(node));
      if (podCIDR === undefined) {
        const message = `Node ${key} gets no pod addresses: all ranges of ${range.cluster} are taken`;
        events.record(nodes, node, { type: "Warning", reason: "CIDRNotAvailable", message });
        return { afterMs: exhaustedMs };
      }
      try {
        // A node that came by a range meanwhile, from itself, is refused by validation.
        const body = { metadata: { uid: uidOf(node) }, spec: { podCIDR, podCIDRs: [podCIDR] } };
        await client.patch(nodes, { name: nameOf(node) }, { type: "merge", body }, signal);
      } catch (error) {
        ranges.release(uidOf(node));
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
