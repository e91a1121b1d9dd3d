import { parseMoment } from "#dag/timetable/moment.ts";
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

function momentOf(text: string): number | undefined {
  try {
    return parseMoment(text, "UTC");
  } catch {
    return undefined;
  }
}
