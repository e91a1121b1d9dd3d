import type { Json } from "#api/object.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import { manualInterval } from "#dag/timetable/timetable.ts";
import type { Database } from "#sql/database.ts";
import { findDag, findVersion } from "#workflows/state/dags.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { insertRun } from "#workflows/state/runs.ts";

export interface Trigger {
  readonly dagId: string;
  /** Made of the time when undefined. */
  readonly runId: string | undefined;
  /** Now when undefined. */
  readonly logicalDate: number | undefined;
  readonly conf: Readonly<Record<string, Json>>;
}

/**
 * Starts a run by hand. @returns its id.
 * @throws {Error} when there is no such DAG, or it has a run of that id.
 */
export async function triggerRun(
  database: Database,
  trigger: Trigger,
  now: number,
): Promise<string> {
  const { dagId, conf } = trigger;
  const runId = await database.transaction(async (queries) => {
    const dag = await findDag(queries, dagId);
    const version = dag && (await findVersion(queries, dagId, dag.version));
    if (dag?.active !== true || version === undefined) {
      throw new Error(`there is no DAG '${dagId}': gantry dags list shows those there are`);
    }
    const at = trigger.logicalDate ?? now;
    const interval = manualInterval(version.model.schedule, at);
    const run = { dagId, version: dag.version, interval, conf, now, logicalDate: at };
    const names = runNames(trigger, at);
    for (const name of names) {
      const created = { ...run, runId: name, runType: "manual" as const, runAfter: now };
      if (!(await insertRun(queries, created))) continue;
      await saveEvents(queries, [{ at: now, name: "run.created", dagId, runId: name }]);
      return name;
    }
    throw new Error(`DAG ${dagId} has a run '${names[0] ?? ""}' already`);
  }, true);
  await database.notify();
  return runId;
}

/** Several may be started in one millisecond. */
function runNames({ runId }: Trigger, at: number): string[] {
  if (runId !== undefined) return [runId];
  const base = `manual__${formatMoment(at)}`;
  return [base, ...Array.from({ length: 1_000 }, (_, count) => `${base}_${count + 1}`)];
}
