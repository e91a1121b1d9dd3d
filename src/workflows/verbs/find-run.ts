import { parseMoment } from "#dag/timetable/moment.ts";
import { findInstance, type InstanceKey, type InstanceRow } from "#workflows/state/instances.ts";
import { findRun, listRuns, type RunRow } from "#workflows/state/runs.ts";
import type { VerbSession } from "./session.ts";

/** A run by its id, or by its logical date. @throws {Error} when there is none. */
export async function requireRun(
  { database }: Pick<VerbSession, "database">,
  dagId: string,
  runOrDate: string,
): Promise<RunRow> {
  const run = await findRun(database, { dagId, runId: runOrDate });
  if (run !== undefined) return run;
  const at = momentOf(runOrDate);
  const [found] =
    at === undefined ? [] : await listRuns(database, { dagId, from: at, to: at, limit: 1 });
  if (found !== undefined) return found;
  throw new Error(
    `DAG ${dagId} has no run '${runOrDate}': gantry dags list-runs ${dagId} shows those there are`,
  );
}

/** A task in a run. @throws {Error} when there is no such run, or no such task in it. */
export async function requireInstance(
  session: Pick<VerbSession, "database">,
  key: InstanceKey,
): Promise<InstanceRow> {
  const { dagId, runId } = await requireRun(session, key.dagId, key.runId);
  const instance = await findInstance(session.database, { ...key, runId });
  if (instance !== undefined) return instance;
  const what = `'${key.taskId}'${key.mapIndex < 0 ? "" : ` with map index ${key.mapIndex}`}`;
  throw new Error(
    `run ${runId} of ${dagId} has no task ${what}: gantry tasks states-for-dag-run ${dagId} ${runId} shows those there are`,
  );
}

function momentOf(text: string): number | undefined {
  try {
    return parseMoment(text, "UTC");
  } catch {
    return undefined;
  }
}
