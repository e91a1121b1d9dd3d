import type { PodDisruptionBudget } from "#api/gen/types.ts";
import { tally } from "#scheduler/plan.ts";
import { chooseCandidate, type Candidate } from "./candidate.ts";
import { noVictims, planVictims, type Room, type Victim } from "./victims.ts";

export type PreemptionPlan<T extends Victim = Victim> =
  /** Once the victims are gone, the pod fits on the node. They are the most important first. */
  | { readonly kind: "preempt"; readonly node: string; readonly victims: readonly T[] }
  /** No node can be made to fit. `message` says for how many nodes each reason holds. */
  | { readonly kind: "hopeless"; readonly message: string };

/** A node that might have room if some of its pods went. */
export interface CrowdedNode<T extends Victim = Victim> {
  readonly node: string;
  /** Its pods that are less important than the incoming one. */
  readonly candidates: readonly T[];
  readonly room: Room<T>;
}

export interface PreemptionQuestion<T extends Victim = Victim> {
  readonly nodes: number;
  /** Slots of the nodes that are too crowded for the pod. */
  readonly crowded: readonly number[];
  /** Where in `crowded` to begin, so that not always the same nodes are looked at. */
  readonly offset: number;
  readonly budgets: readonly PodDisruptionBudget[];
  /** False: there is no less important pod anywhere, which saves looking at the nodes. */
  readonly hasCandidates: boolean;
  lookAt(slot: number): CrowdedNode<T>;
}

/**
 * Nodes whose victims are compared, at most, once one of them violates no budget. Upstream compares
 * a tenth of the nodes and at least 100.
 */
const candidatesMax = 100;

/** As upstream words it, of nodes that would not fit if they were empty. */
const notHelpful = "Preemption is not helpful for scheduling";

/** Which pods go, and where, for a pod that found no node. The nodes are left as they were. */
export function planPreemption<T extends Victim>(
  question: PreemptionQuestion<T>,
): PreemptionPlan<T> {
  const { nodes, crowded, offset, budgets } = question;
  const candidates: Candidate<T>[] = [];
  const reasons: string[] = Array.from({ length: nodes - crowded.length }, () => notHelpful);
  let isGentle = false;
  for (let i = 0; i < crowded.length; i++) {
    if (isGentle && candidates.length >= candidatesMax) break;
    const slot = crowded[(offset + i) % crowded.length] ?? 0;
    if (!question.hasCandidates) {
      reasons.push(noVictims);
      continue;
    }
    const { node, candidates: lesser, room } = question.lookAt(slot);
    const plan = planVictims(lesser, budgets, room);
    if (plan.kind === "refused") {
      reasons.push(...plan.reasons);
      continue;
    }
    candidates.push({ node, ...plan.victims });
    isGentle ||= plan.victims.violations === 0;
  }
  const chosen = chooseCandidate(candidates);
  if (chosen === undefined) return { kind: "hopeless", message: tally(nodes, reasons) };
  return { kind: "preempt", node: chosen.node, victims: chosen.pods };
}
