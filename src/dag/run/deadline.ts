import type { DeadlineModel } from "#dag/model/model.ts";

/** What a deadline is counted from, in milliseconds. */
export interface DeadlineFacts {
  readonly logicalDate: number;
  readonly queuedAt: number;
  /** How long the runs that have ended took, the newest first. */
  readonly runtimes: readonly number[];
}

/**
 * When a run has missed a deadline, in milliseconds since the epoch; undefined when too few runs have
 * ended to say. As the references of Airflow's `airflow.models.deadline`.
 */
export function deadlineTime(
  { reference, intervalMs }: DeadlineModel,
  facts: DeadlineFacts,
): number | undefined {
  switch (reference.kind) {
    case "logical_date":
      return facts.logicalDate + intervalMs;
    case "queued_at":
      return facts.queuedAt + intervalMs;
    case "fixed":
      return reference.at + intervalMs;
    case "average_runtime": {
      const counted = facts.runtimes.slice(0, reference.maxRuns);
      if (counted.length < reference.minRuns) return undefined;
      const average = counted.reduce((sum, it) => sum + it, 0) / counted.length;
      return Math.round(facts.queuedAt + average) + intervalMs;
    }
  }
}
