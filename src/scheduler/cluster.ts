import type { Node, Pod } from "#api/gen/types.ts";
import type { Random } from "#base/random.ts";
import { NodeMasks } from "./node-mask.ts";
import { NodeTable, type NodeFacts } from "./node-table.ts";
import { planPlacement, type ClusterState, type Placement } from "./plan.ts";
import { PodIndex } from "./pod-index.ts";
import { shapeOf, type NamespacesMatching, type PodShape } from "./pod-shape.ts";

/**
 * The scheduler's picture of the cluster: nodes, and the pods on them, those that it bound itself
 * and has not seen back included. Synchronous; no I/O.
 */
export class Cluster {
  readonly #state: ClusterState;
  readonly #namespacesMatching: NamespacesMatching;
  /** Pods on nodes that are not known (yet), by node. */
  readonly #strays = new Map<string, Map<string, Pod>>();
  readonly #nodeOfPod = new Map<string, string>();

  constructor(namespacesMatching: NamespacesMatching) {
    const table = new NodeTable();
    const index = new PodIndex(
      (slot) => table.facts[slot]?.labels,
      () => table.size,
    );
    const candidates = { slots: new Int32Array(0), scores: new Float64Array(0), count: 0 };
    this.#state = { table, index, masks: new NodeMasks(), candidates };
    this.#namespacesMatching = namespacesMatching;
  }

  get nodes(): number {
    return this.#state.table.nodes;
  }

  setNode(node: Node): void {
    const { table, index } = this.#state;
    index.nodeChanged(table.set(node));
    const name = node.metadata?.name ?? "";
    const strays = this.#strays.get(name);
    this.#strays.delete(name);
    for (const pod of strays?.values() ?? []) this.setPod(pod, name);
  }

  /** Its pods stay known: they end by themselves, or the node comes back. */
  removeNode(name: string, pods: readonly Pod[]): void {
    const { table, index } = this.#state;
    const slot = table.slotOf(name);
    if (slot === undefined) return;
    for (const pod of pods) this.removePod(pod);
    table.delete(name);
    index.nodeChanged(slot);
    for (const pod of pods) this.setPod(pod, name);
  }

  /** A pod is on the node, or about to be. Seen twice it counts once, as seen last. */
  setPod(pod: Pod, node: string, shape?: PodShape): void {
    const uid = pod.metadata?.uid ?? "";
    this.removePod(pod);
    this.#nodeOfPod.set(uid, node);
    const { table, index } = this.#state;
    const slot = table.slotOf(node);
    if (slot === undefined) {
      const strays = this.#strays.get(node) ?? new Map<string, Pod>();
      strays.set(uid, pod);
      this.#strays.set(node, strays);
      return;
    }
    const known = shape ?? this.shapeOf(pod);
    table.add(slot, known, 1);
    index.add(uid, { ...identityOf(pod), slot, shape: known });
  }

  removePod(pod: Pod): void {
    const uid = pod.metadata?.uid ?? "";
    const node = this.#nodeOfPod.get(uid);
    if (node === undefined) return;
    this.#nodeOfPod.delete(uid);
    const strays = this.#strays.get(node);
    if (strays?.delete(uid) === true && strays.size === 0) this.#strays.delete(node);
    const { table, index } = this.#state;
    const placed = index.get(uid);
    if (placed === undefined) return;
    index.remove(uid);
    table.add(placed.slot, placed.shape, -1);
  }

  /** Where the pod is counted; undefined when it is not. */
  nodeOf(pod: Pod): string | undefined {
    return this.#nodeOfPod.get(pod.metadata?.uid ?? "");
  }

  shapeOf(pod: Pod): PodShape {
    return shapeOf(pod, this.#namespacesMatching);
  }

  /** @param volumeFault why the pod's volumes keep it off a node; undefined: it has none. */
  place(
    pod: Pod,
    shape: PodShape,
    random: Random,
    volumeFault?: (node: NodeFacts) => string | undefined,
  ): Placement {
    const state = volumeFault === undefined ? this.#state : { ...this.#state, volumeFault };
    return planPlacement(identityOf(pod), shape, state, random);
  }

  /** What selectors see of a node; undefined when it is not known. */
  factsOf(name: string): NodeFacts | undefined {
    const { table } = this.#state;
    const slot = table.slotOf(name);
    return slot === undefined ? undefined : table.facts[slot];
  }
}

function identityOf({ metadata }: Pod) {
  return { namespace: metadata?.namespace ?? "", labels: metadata?.labels ?? {} };
}
