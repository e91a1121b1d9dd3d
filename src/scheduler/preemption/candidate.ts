import type { Victim, Victims } from "./victims.ts";

/** A node that would do without its victims. */
export interface Candidate<T extends Victim = Victim> extends Victims<T> {
  readonly node: string;
}

/** Makes all priorities positive, so that few victims sum up to less than many of the same. */
const priorityShift = 2 ** 31;

/**
 * The node where preemption hurts least: fewest violated budgets; the least important of the most
 * important victims; the smallest sum of priorities; the fewest victims; the ones that began last.
 * Of equal ones the first. Upstream: `preemption.go` pickOneNodeForPreemption.
 */
export function chooseCandidate<T extends Victim>(
  candidates: readonly Candidate<T>[],
): Candidate<T> | undefined {
  let chosen: { readonly candidate: Candidate<T>; readonly harm: readonly number[] } | undefined;
  for (const candidate of candidates) {
    const harm = harmOf(candidate);
    if (chosen === undefined || isLess(harm, chosen.harm)) chosen = { candidate, harm };
  }
  return chosen?.candidate;
}

function harmOf({ pods, violations }: Victims): readonly number[] {
  const highest = Math.max(...pods.map((it) => it.priority));
  const sum = pods.reduce((all, it) => all + it.priority + priorityShift, 0);
  const foremost = pods.filter((it) => it.priority === highest);
  const earliest = Math.min(...foremost.map((it) => it.startedAtMs));
  return [violations, highest, sum, pods.length, -earliest];
}

function isLess(left: readonly number[], right: readonly number[]): boolean {
  for (const [i, value] of left.entries()) {
    const other = right[i] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}
