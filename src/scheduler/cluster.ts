import type { Node, Pod, PodDisruptionBudget } from "#api/gen/types.ts";
import type { Random } from "#base/random.ts";
import { NodeMasks } from "./node-mask.ts";
import { NodeTable, type NodeFacts } from "./node-table.ts";
import { Nominations } from "./nominations.ts";
import {
  findObstacle,
  openNodes,
  planPlacement,
  type ClusterState,
  type Placement,
  type Refusal,
} from "./plan.ts";
import { affinityFault } from "./pod-filters.ts";
import { PodIndex, type PlacedPod } from "./pod-index.ts";
import { shapeOf, type NamespacesMatching, type PodShape } from "./pod-shape.ts";
import { planPreemption, type CrowdedNode, type PreemptionPlan } from "./preemption/plan.ts";
import type { Victim } from "./preemption/victims.ts";

/** Why the pod's volumes keep it off a node; undefined: they do not. */
export type VolumeFault = (node: NodeFacts) => string | undefined;

/** A pod that waits for a node. */
export interface Incoming {
  readonly pod: Pod;
  readonly shape: PodShape;
  /** Undefined: it has no volumes that mind. */
  readonly volumeFault?: VolumeFault | undefined;
}

/** A pod that is on a node and may have to go. */
export type PlacedVictim = Victim & PlacedPod;

/** What preemption has to know beside the nodes and their pods. */
export interface PreemptionFacts {
  readonly budgets: readonly PodDisruptionBudget[];
  /** When the pod's containers were begun, of one that was not: now. */
  startedAtMs(pod: PlacedPod): number;
}

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
  readonly nominations: Nominations;

  constructor(namespacesMatching: NamespacesMatching) {
    const table = new NodeTable();
    const index = new PodIndex(
      (slot) => table.facts[slot]?.labels,
      () => table.size,
    );
    const candidates = { slots: new Int32Array(0), scores: new Float64Array(0), count: 0 };
    this.#state = { table, index, masks: new NodeMasks(), candidates };
    this.#namespacesMatching = namespacesMatching;
    this.nominations = new Nominations({
      count: ({ pod, node }) => {
        const slot = table.slotOf(node);
        if (slot === undefined) return false;
        table.add(slot, pod.shape, 1);
        index.add({ ...pod, uid: promised(pod.uid), slot });
        return true;
      },
      discount: ({ pod }) => {
        const placed = index.get(promised(pod.uid));
        if (placed === undefined) return;
        index.remove(placed.uid);
        table.add(placed.slot, placed.shape, -1);
      },
    });
  }

  get nodes(): number {
    return this.#state.table.nodes;
  }

  /** Pods that are counted on nodes. */
  get pods(): number {
    return this.#nodeOfPod.size;
  }

  setNode(node: Node): void {
    const { table, index } = this.#state;
    index.nodeChanged(table.set(node));
    const name = node.metadata?.name ?? "";
    const strays = this.#strays.get(name);
    this.#strays.delete(name);
    for (const pod of strays?.values() ?? []) this.setPod(pod, name);
    this.nominations.nodeCame(name);
  }

  /** Its pods stay known: they end by themselves, or the node comes back. */
  removeNode(name: string, pods: readonly Pod[]): void {
    const { table, index } = this.#state;
    const slot = table.slotOf(name);
    if (slot === undefined) return;
    for (const pod of pods) this.removePod(pod);
    this.nominations.nodeGoes(name);
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
    index.add({ ...placedFacts(pod, known), slot });
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

  /** Promises the pod room on a node, and takes back what it was promised before. */
  nominate(pod: Pod, node: string): void {
    this.nominations.add({ pod: placedFacts(pod, this.shapeOf(pod)), node });
  }

  /** Finds a node, first of all the one where the pod has room promised. */
  place(incoming: Incoming, random: Random): Placement {
    const { pod, shape } = incoming;
    return this.#asAsked(pod, () => {
      const state = this.#stateFor(incoming);
      const own = this.#placeOnPromised(incoming);
      return own ?? planPlacement(identityOf(pod), shape, state, random);
    });
  }

  /** Which pods would have to go for a pod that found no node. */
  planPreemption(
    incoming: Incoming,
    refusal: Refusal,
    facts: PreemptionFacts,
    random: Random,
  ): PreemptionPlan<PlacedVictim> {
    const { pod } = incoming;
    const { crowded } = refusal;
    return this.#asAsked(pod, () =>
      planPreemption({
        nodes: this.nodes,
        crowded,
        offset: Math.floor(random.next() * crowded.length),
        budgets: facts.budgets,
        hasCandidates: this.#state.index.hasBelow(priorityOf(pod)),
        lookAt: (slot) => this.#crowdedNode(incoming, facts, slot),
      }),
    );
  }

  isIn(slot: number, node: string): boolean {
    return this.#state.table.slotOf(node) === slot;
  }

  /** Pods on the node that are less important than `pod`. */
  lesserPodsOn(node: string, pod: Pod): PlacedPod[] {
    const slot = this.#state.table.slotOf(node);
    if (slot === undefined) return [];
    const priority = priorityOf(pod);
    return [...this.#state.index.inSlot(slot)].filter(
      (it) => it.priority < priority && this.#nodeOfPod.has(it.uid),
    );
  }

  /** What selectors see of a node; undefined when it is not known. */
  factsOf(name: string): NodeFacts | undefined {
    const { table } = this.#state;
    const slot = table.slotOf(name);
    return slot === undefined ? undefined : table.facts[slot];
  }

  #asAsked<T>(pod: Pod, decide: () => T): T {
    if (this.nominations.size === 0) return decide();
    return this.nominations.without(pod.metadata?.uid ?? "", priorityOf(pod), decide);
  }

  #stateFor({ pod, shape, volumeFault }: Incoming): ClusterState {
    const state = volumeFault === undefined ? this.#state : { ...this.#state, volumeFault };
    if (this.nominations.size === 0 || shape.affinity.length === 0) return state;
    // To be near a pod that is not there yet is nothing to build on: upstream filters with the
    // promised pods and without them.
    const open = this.nominations.withoutAny(() => openNodes(identityOf(pod), shape, state));
    const isFar = (node: NodeFacts) => (open.has(node.name) ? undefined : affinityFault);
    return { ...state, volumeFault: (node) => volumeFault?.(node) ?? isFar(node) };
  }

  #placeOnPromised(incoming: Incoming): Placement | undefined {
    const { table } = this.#state;
    const node = this.nominations.nodeOf(incoming.pod.metadata?.uid ?? "");
    const slot = node === undefined ? undefined : table.slotOf(node);
    if (node === undefined || slot === undefined) return undefined;
    if (this.#obstacle(incoming, slot) !== undefined) return undefined;
    return { kind: "bind", node, slot };
  }

  #obstacle(incoming: Incoming, slot: number): readonly string[] | undefined {
    const { pod, shape } = incoming;
    return findObstacle(identityOf(pod), shape, this.#stateFor(incoming), slot)?.reasons;
  }

  #crowdedNode(
    incoming: Incoming,
    facts: PreemptionFacts,
    slot: number,
  ): CrowdedNode<PlacedVictim> {
    const { table, index } = this.#state;
    const node = table.facts[slot]?.name ?? "";
    const candidates = this.lesserPodsOn(node, incoming.pod).map((it) => ({
      ...it,
      startedAtMs: facts.startedAtMs(it),
    }));
    const room = {
      remove: ({ uid, shape }: PlacedVictim) => {
        this.#nodeOfPod.delete(uid);
        index.remove(uid);
        table.add(slot, shape, -1);
      },
      add: (it: PlacedVictim) => {
        this.#nodeOfPod.set(it.uid, node);
        index.add(it);
        table.add(slot, it.shape, 1);
      },
      obstacle: () => this.#obstacle(incoming, slot),
    };
    return { node, candidates, room };
  }
}

export function priorityOf(pod: Pod): number {
  return pod.spec?.priority ?? 0;
}

function identityOf({ metadata }: Pod) {
  return { namespace: metadata?.namespace ?? "", labels: metadata?.labels ?? {} };
}

function placedFacts(pod: Pod, shape: PodShape): Omit<PlacedPod, "slot"> {
  const { uid = "", name = "" } = pod.metadata ?? {};
  return { uid, name, ...identityOf(pod), priority: priorityOf(pod), shape };
}

/** Under which the index has a pod that is not there yet. */
function promised(uid: string): string {
  return `promised ${uid}`;
}
