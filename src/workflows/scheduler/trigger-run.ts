import { randomBytes } from "node:crypto";
import type { Json } from "#api/object.ts";
import { checkParams } from "#dag/params/check.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import { manualInterval, type Interval } from "#dag/timetable/timetable.ts";
import type { Database } from "#sql/database.ts";
import { findDag, findVersion } from "#workflows/state/dags.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { describeRun, type RunAbout } from "#workflows/state/runs.ts";
import { createRun } from "./create-run.ts";

export interface Trigger {
  readonly dagId: string;
  /** `manual` when undefined. */
  readonly runType?: "manual" | "asset_materialization" | undefined;
  /** Made of the time when undefined. */
  readonly runId: string | undefined;
  /** Now when undefined. */
  readonly logicalDate: number | undefined;
  readonly conf: Readonly<Record<string, Json>>;
  /** That of the schedule around the logical date when undefined. */
  readonly interval?: Interval | undefined;
  /** When it may begin; now when undefined. */
  readonly runAfter?: number | undefined;
  readonly about?: RunAbout | undefined;
}

/** The DAG has a run of that id already. */
export class RunExistsError extends Error {
  override readonly name = "RunExistsError";
}

/**
 * Starts a run by hand. @returns its id.
 * @throws {Error} when there is no such DAG, or (`RunExistsError`) it has a run of that id.
 */
export async function triggerRun(
  database: Database,
  trigger: Trigger,
  now: number,
): Promise<string> {
  const { dagId, conf, runType = "manual" } = trigger;
  const runId = await database.transaction(async (queries) => {
    const dag = await findDag(queries, dagId);
    const version = dag && (await findVersion(queries, dagId, dag.version));
    if (dag?.active !== true || version === undefined) {
      throw new Error(`there is no DAG '${dagId}': gantry dags list shows those there are`);
    }
    checkParams(version.model.params, conf);
    const at = trigger.logicalDate ?? now;
    const interval = trigger.interval ?? manualInterval(version.model.schedule, at);
    const runAfter = trigger.runAfter ?? now;
    const run = { dagId, version: dag.version, interval, conf, now, logicalDate: at };
    const names = runNames(trigger, at);
    for (const name of names) {
      const created = { ...run, runId: name, runType, runAfter };
      if (!(await createRun(queries, version.model, created))) continue;
      if (trigger.about !== undefined) await describeRun(queries, created, trigger.about);
      const owner = trigger.about?.triggeringUser;
      await saveEvents(queries, [{ at: now, name: "run.created", dagId, runId: name, owner }]);
      return name;
    }
    throw new RunExistsError(`DAG ${dagId} has a run '${names[0] ?? ""}' already`);
  });
  await database.notify();
  return runId;
}

/** Of several in one millisecond all but the first get a name that nobody else tries. */
function runNames({ runId, runType = "manual" }: Trigger, at: number): string[] {
  if (runId !== undefined) return [runId];
  const base = `${runType}__${formatMoment(at)}`;
  return [base, `${base}_${randomBytes(6).toString("hex")}`];
}
