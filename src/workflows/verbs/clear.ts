import { parseMoment } from "#dag/timetable/moment.ts";
import { clearInstances, type ClearRequest } from "#workflows/scheduler/clear-instances.ts";
import { findVersion } from "#workflows/state/dags.ts";
import type { InstanceRow } from "#workflows/state/instances.ts";
import { listRuns } from "#workflows/state/runs.ts";
import { requireDag, type Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import { when, type VerbSession } from "./session.ts";

export interface ClearOptions extends Form {
  readonly taskRegex?: string;
  readonly runId?: string;
  readonly startDate?: string;
  readonly endDate?: string;
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly onlyFailed?: boolean;
  readonly onlyRunning?: boolean;
  readonly mapIndex?: number;
  readonly yes?: boolean;
}

/** Most runs of which one command clears tasks. */
const runsMax = 1_000;

/** Has tasks run again. Without `--yes` it only says which. */
export async function tasksClear(
  session: VerbSession,
  dagId: string,
  options: ClearOptions,
): Promise<void> {
  const { database, clock } = session;
  const dag = await requireDag(session, dagId);
  const version = await findVersion(database, dagId, dag.version);
  const pattern = options.taskRegex === undefined ? undefined : regexOf(options.taskRegex);
  const ids = (version?.model.tasks ?? []).map((it) => it.id);
  const tasks = pattern === undefined ? undefined : new Set(ids.filter((it) => pattern.test(it)));
  if (tasks?.size === 0) throw new Error(`no task of ${dagId} matches ${options.taskRegex ?? ""}`);
  const moment = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseMoment(text, "UTC");
  const range = { from: moment(options.startDate), to: moment(options.endDate), limit: runsMax };
  const runs = (await listRuns(database, { dagId, ...range })).filter(
    (it) => options.runId === undefined || it.runId === options.runId,
  );
  const choice = { ...choiceOf(options), tasks };
  const dryRun = options.yes !== true;
  const cleared: InstanceRow[] = [];
  for (const run of runs) {
    cleared.push(...(await clearInstances(database, { run, choice, dryRun }, clock.now())));
  }
  session.out(formatRows(cleared.map(rowOf), options.output));
  if (dryRun && cleared.length > 0) {
    session.out(`nothing is cleared yet: add --yes to have these ${cleared.length} run again\n`);
  }
}

function choiceOf(options: ClearOptions): Omit<ClearRequest["choice"], "tasks"> {
  return {
    mapIndexes: options.mapIndex === undefined ? undefined : new Set([options.mapIndex]),
    upstream: options.upstream ?? false,
    downstream: options.downstream ?? false,
    onlyFailed: options.onlyFailed ?? false,
    onlyRunning: options.onlyRunning ?? false,
  };
}

function rowOf(it: InstanceRow): Record<string, string | number | null> {
  return {
    run_id: it.runId,
    task_id: it.taskId,
    map_index: it.mapIndex < 0 ? null : it.mapIndex,
    state: it.state,
    try_number: it.tryNumber,
    end_date: when(it.endedAt),
  };
}

function regexOf(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (cause) {
    throw new Error(`--task-regex: ${text} is not a regular expression`, { cause });
  }
}
