import type { Random } from "#base/random.ts";
import { fault, intolerable, type NodeMask, type NodeMasks } from "./node-mask.ts";
import type { NodeFacts, NodeTable } from "./node-table.ts";
import { hasNoPodRules, podFault, podRulesOf, type PodRules } from "./pod-filters.ts";
import type { PodIndex } from "./pod-index.ts";
import type { PodShape } from "./pod-shape.ts";
import { findRoom, keep, shortages } from "./resource-fit.ts";
import { scoreCandidates, type Candidates } from "./scores.ts";
import type { PodIdentity } from "./topology.ts";

export type Placement =
  | { readonly kind: "bind"; readonly node: string; readonly slot: number }
  /** `message` says for how many nodes each reason holds, as upstream words it. */
  | { readonly kind: "unschedulable"; readonly message: string };

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
    return { kind: "unschedulable", message: explain(state, shape, mask, rules) };
  }
  let chosen = candidates.slots[0] ?? 0;
  if (candidates.count > 1) {
    scoreCandidates(candidates, pod, shape, { table, index, mask });
    chosen = best(candidates, random);
  }
  return { kind: "bind", node: table.facts[chosen]?.name ?? "", slot: chosen };
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
function explain(state: ClusterState, shape: PodShape, mask: NodeMask, rules: PodRules): string {
  const { table } = state;
  if (table.nodes === 0) return "no nodes available to schedule pods";
  const counts = new Map<string, number>();
  for (let slot = 0; slot < table.size; slot++) {
    for (const reason of reasonsOf(state, shape, { mask, rules, slot })) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${table.nodes} nodes are available: ${reasons.join(", ")}.`;
}

/** Of the first rule that fails, in the order in which upstream's plugins run. */
function reasonsOf(
  state: ClusterState,
  shape: PodShape,
  at: { readonly mask: NodeMask; readonly rules: PodRules; readonly slot: number },
): string[] {
  const { slot } = at;
  const { table } = state;
  const faults = at.mask.faults[slot] ?? 0;
  if ((faults & fault.gone) !== 0) return [];
  if ((faults & fault.unschedulable) !== 0) return ["node(s) were unschedulable"];
  if ((faults & fault.taint) !== 0) {
    const facts = table.facts[slot];
    const taint = facts && intolerable(shape.tolerations, facts);
    return [`node(s) had untolerated taint {${taint?.key ?? ""}: ${taint?.value ?? ""}}`];
  }
  if ((faults & fault.affinity) !== 0) return ["node(s) didn't match Pod's node affinity/selector"];
  if (table.hasPortConflict(slot, shape.hostPorts)) {
    return ["node(s) didn't have free ports for the requested pod ports"];
  }
  const lacking = shortages(table, slot, shape.amounts);
  if (lacking.length > 0) return lacking;
  const volume = volumeFaultAt(state, slot);
  return [volume ?? podFault(at.rules, slot) ?? "node(s) changed meanwhile"];
}
