import { wakeLaterRuns, wakeQueuedRuns } from "#workflows/state/runs.ts";
import type { RunRecord } from "./run-record.ts";
import type { Turn } from "./turn-context.ts";

/** Whether tasks of the next run may wait for this one's. */
export function hasPast({ model }: RunRecord): boolean {
  return model.tasks.some((it) => it.dependsOnPast);
}

/**
 * Has the running runs after this one looked at that may have waited for its tasks: none of its own
 * version where no task of that looks at the past.
 */
export async function wakeLater(turn: Turn, record: RunRecord): Promise<void> {
  const { run } = record;
  const but = hasPast(record) ? undefined : run.version;
  await wakeLaterRuns(turn.queries, run, { now: turn.now, but });
  for (const other of turn.records.current()) {
    const { dagId, state, version, logicalDate } = other.run;
    if (dagId !== run.dagId || state !== "running" || version === but) continue;
    if (logicalDate > run.logicalDate) other.setRun({ planAt: turn.now });
  }
}

/** Has the waiting runs of DAGs looked at: there may be room for one. */
export async function wakeQueued(turn: Turn, dagIds: ReadonlySet<string>): Promise<void> {
  for (const record of turn.records.current()) {
    const { run } = record;
    if (dagIds.has(run.dagId) && run.state === "queued" && run.planAt === undefined) {
      record.setRun({ planAt: run.runAfter });
    }
  }
  await Promise.all([...dagIds].map((it) => wakeQueuedRuns(turn.queries, it)));
}
