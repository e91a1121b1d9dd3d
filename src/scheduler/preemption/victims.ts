import type { PodDisruptionBudget } from "#api/gen/types.ts";
import { splitByBudgets, type BudgetedPod } from "./budgets.ts";

/** A pod that may have to go. */
export interface Victim extends BudgetedPod {
  readonly uid: string;
  readonly priority: number;
  /** When its containers were begun; of a pod that has not been, now. */
  readonly startedAtMs: number;
}

/** As upstream words it. */
export const noVictims = "No preemption victims found for incoming pod";

/** A node on which pods are tried out. It is to be left as it was found. */
export interface Room<T extends Victim = Victim> {
  remove(victim: T): void;
  add(victim: T): void;
  /** Why the incoming pod does not fit beside the pods that are there now; undefined: it fits. */
  obstacle(): readonly string[] | undefined;
}

export interface Victims<T extends Victim = Victim> {
  /** The most important first; never empty. */
  readonly pods: readonly T[];
  /** How many of them go although a budget asks to spare them. */
  readonly violations: number;
}

export type VictimsPlan<T extends Victim = Victim> =
  | { readonly kind: "victims"; readonly victims: Victims<T> }
  /** The pod does not fit even without all of them, for these reasons. */
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/**
 * The pods of a node that go for the incoming one, out of those that may. As many as possible stay: those that budgets protect are tried first, then the others, the
 * most important before the less important. Upstream: `defaultpreemption` SelectVictimsOnNode.
 */
export function planVictims<T extends Victim>(
  candidates: readonly T[],
  budgets: readonly PodDisruptionBudget[],
  room: Room<T>,
): VictimsPlan<T> {
  if (candidates.length === 0) return refused(noVictims);
  const removed = new Set<T>();
  try {
    for (const it of candidates) {
      room.remove(it);
      removed.add(it);
    }
    const reasons = room.obstacle();
    if (reasons !== undefined) return { kind: "refused", reasons };
    const stays = (pod: T): boolean => {
      room.add(pod);
      removed.delete(pod);
      if (room.obstacle() === undefined) return true;
      room.remove(pod);
      removed.add(pod);
      return false;
    };
    const { violating, others } = splitByBudgets(candidates.toSorted(byImportance), budgets);
    const violated = violating.filter((it) => !stays(it));
    const plain = others.filter((it) => !stays(it));
    const pods = [...violated, ...plain].sort(byImportance);
    // The node changed since it was found to be too crowded.
    if (pods.length === 0) return refused(noVictims);
    return { kind: "victims", victims: { pods, violations: violated.length } };
  } finally {
    for (const it of removed) room.add(it);
  }
}

function refused<T extends Victim>(reason: string): VictimsPlan<T> {
  return { kind: "refused", reasons: [reason] };
}

/** Higher priority first; of equals, who has run for longer. */
export function byImportance(left: Victim, right: Victim): number {
  if (left.priority !== right.priority) return right.priority - left.priority;
  return left.startedAtMs - right.startedAtMs;
}
