import type { Random } from "#base/random.ts";
import { fault, intolerable, type NodeMask, type NodeMasks } from "./node-mask.ts";
import type { NodeFacts, NodeTable } from "./node-table.ts";
import {
  hasNoPodRules,
  isCausedByPods,
  pluginOf,
  podFault,
  podRulesOf,
  type PodRules,
} from "./pod-filters.ts";
import type { PodIndex } from "./pod-index.ts";
import type { PodShape } from "./pod-shape.ts";
import { findRoom, hasEverRoom, keep, shortages } from "./resource-fit.ts";
import { scoreCandidates, type Candidates } from "./scores.ts";
import type { PodIdentity } from "./topology.ts";
import { exclusiveConflict } from "./volume-rules.ts";

export type Placement =
  { readonly kind: "bind"; readonly node: string; readonly slot: number } | Refusal;

/** No node will do. */
export interface Refusal {
  readonly kind: "unschedulable";
  /** Says for how many nodes each reason holds, as upstream words it. */
  readonly message: string;
  /** Slots of the nodes that might do with fewer pods on them. */
  readonly crowded: readonly number[];
  /** Whose rules were in the way: upstream's names of plugins. */
  readonly plugins: ReadonlySet<string>;
}

/** The cluster as a decision sees it. */
export interface ClusterState {
  readonly table: NodeTable;
  readonly index: PodIndex;
  readonly masks: NodeMasks;
  /** Reused between decisions, so that none is allocated for each. */
  readonly candidates: Candidates;
  /** Why the pod's volumes keep it off a node; absent for a pod without claims. */
  readonly volumeFault?: (node: NodeFacts) => string | undefined;
}

/**
 * Finds the node for a pod: every node is filtered and scored, none is sampled, and chance decides
 * between equal ones. Changes nothing; the caller counts the pod in before it asks again.
 */
export function planPlacement(
  pod: PodIdentity,
  shape: PodShape,
  state: ClusterState,
  random: Random,
): Placement {
  const mask = state.masks.of(shape, state.table);
  const rules = podRulesOf(pod, shape, state.index, mask);
  findCandidates(state, shape, mask, rules);
  const { candidates, table, index } = state;
  if (candidates.count === 0) {
    return refuse(state, shape, mask, rules);
  }
  let chosen = candidates.slots[0] ?? 0;
  if (candidates.count > 1) {
    scoreCandidates(candidates, pod, shape, { table, index, mask });
    chosen = best(candidates, random);
  }
  return { kind: "bind", node: table.facts[chosen]?.name ?? "", slot: chosen };
}

/** Names of the nodes that the pod fits on. */
export function openNodes(
  pod: PodIdentity,
  shape: PodShape,
  state: ClusterState,
): ReadonlySet<string> {
  const mask = state.masks.of(shape, state.table);
  findCandidates(state, shape, mask, podRulesOf(pod, shape, state.index, mask));
  const { slots, count } = state.candidates;
  return new Set(Array.from(slots.subarray(0, count), (it) => state.table.facts[it]?.name ?? ""));
}

function findCandidates(
  state: ClusterState,
  shape: PodShape,
  mask: NodeMask,
  rules: PodRules,
): void {
  const { table, candidates, volumeFault } = state;
  if (candidates.slots.length < table.size) {
    candidates.slots = new Int32Array(table.size * 2);
    candidates.scores = new Float64Array(table.size * 2);
  }
  const { slots } = candidates;
  let count = findRoom(table, mask.faults, shape.amounts, slots);
  if (shape.hostPorts.length > 0) {
    count = keep(slots, count, (slot) => !table.hasPortConflict(slot, shape.hostPorts));
  }
  if (volumeFault !== undefined) {
    count = keep(slots, count, (slot) => volumeFaultAt(state, slot) === undefined);
  }
  if (!hasNoPodRules(rules)) {
    count = keep(slots, count, (slot) => podFault(rules, slot) === undefined);
  }
  candidates.count = count;
}

function volumeFaultAt({ table, volumeFault }: ClusterState, slot: number): string | undefined {
  const facts = table.facts[slot];
  return facts === undefined ? undefined : volumeFault?.(facts);
}

/** The highest score; of several, each with the same chance. Moves the best to the front. */
function best({ slots, scores, count }: Candidates, random: Random): number {
  let most = Number.NEGATIVE_INFINITY;
  let equals = 0;
  for (let i = 0; i < count; i++) {
    const score = scores[i] ?? 0;
    if (score < most) continue;
    if (score > most) equals = 0;
    most = score;
    slots[equals++] = slots[i] ?? 0;
  }
  return slots[Math.floor(random.next() * equals)] ?? 0;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
function refuse(state: ClusterState, shape: PodShape, mask: NodeMask, rules: PodRules): Refusal {
  const { table } = state;
  const crowded: number[] = [];
  const reasons: string[] = [];
  const plugins = new Set<string>();
  for (let slot = 0; slot < table.size; slot++) {
    if (table.facts[slot] === undefined) continue;
    const found = obstacleAt(state, shape, { mask, rules, slot }) ?? changedMeanwhile;
    reasons.push(...found.reasons);
    plugins.add(found.plugin);
    if (found.isCrowd) crowded.push(slot);
  }
  const message = table.nodes === 0 ? noNodes : tally(table.nodes, reasons);
  return { kind: "unschedulable", message, crowded, plugins };
}

const noNodes = "no nodes available to schedule pods";

/** `0/3 nodes are available: 1 reason, 2 other reason.` */
export function tally(nodes: number, reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const it of reasons) counts.set(it, (counts.get(it) ?? 0) + 1);
  const counted = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${counted.join(", ")}.`;
}

/** Why a node is out. */
export interface Obstacle {
  /** Upstream's name of the plugin whose rule it is. */
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** It might be open if fewer pods were there. */
  readonly isCrowd: boolean;
}

const changedMeanwhile = obstacle("", "node(s) changed meanwhile");

function obstacle(plugin: string, reason: string, isCrowd = false): Obstacle {
  return { plugin, reasons: [reason], isCrowd };
}

/** What keeps the pod off the node in `slot`, as the state is now; undefined: it fits. */
export function findObstacle(
  pod: PodIdentity,
  shape: PodShape,
  state: ClusterState,
  slot: number,
): Obstacle | undefined {
  const mask = state.masks.of(shape, state.table);
  const rules = podRulesOf(pod, shape, state.index, mask);
  return obstacleAt(state, shape, { mask, rules, slot });
}

/** The first rule that fails, in the order in which upstream's plugins run. */
function obstacleAt(
  state: ClusterState,
  shape: PodShape,
  at: { readonly mask: NodeMask; readonly rules: PodRules; readonly slot: number },
): Obstacle | undefined {
  const { slot } = at;
  const { table } = state;
  const own = ownObstacle(table, shape, at.mask, slot);
  if (own !== undefined) return own;
  if (table.hasPortConflict(slot, shape.hostPorts)) {
    return obstacle(
      "NodePorts",
      "node(s) didn't have free ports for the requested pod ports",
      true,
    );
  }
  const lacking = shortages(table, slot, shape.amounts);
  if (lacking.length > 0) {
    const isCrowd = hasEverRoom(table, slot, shape.amounts);
    return { plugin: "NodeResourcesFit", reasons: lacking, isCrowd };
  }
  const volume = volumeFaultAt(state, slot);
  if (volume === exclusiveConflict) return obstacle("VolumeRestrictions", volume, true);
  if (volume !== undefined) return obstacle("VolumeBinding", volume);
  const fromPods = podFault(at.rules, slot);
  if (fromPods === undefined) return undefined;
  return obstacle(pluginOf(fromPods), fromPods, isCausedByPods(fromPods));
}

/** What the node itself has against the pod. */
function ownObstacle(
  table: NodeTable,
  shape: PodShape,
  mask: NodeMask,
  slot: number,
): Obstacle | undefined {
  const faults = mask.faults[slot] ?? 0;
  if (faults === 0) return undefined;
  if ((faults & fault.unschedulable) !== 0) {
    return obstacle("NodeUnschedulable", "node(s) were unschedulable");
  }
  if ((faults & fault.taint) !== 0) {
    const facts = table.facts[slot];
    const taint = facts && intolerable(shape.tolerations, facts);
    const named = `{${taint?.key ?? ""}: ${taint?.value ?? ""}}`;
    return obstacle("TaintToleration", `node(s) had untolerated taint ${named}`);
  }
  if ((faults & fault.affinity) === 0) return { plugin: "", reasons: [], isCrowd: false };
  return obstacle("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
}
