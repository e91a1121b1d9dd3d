import type { Json, JsonObject } from "#api/object.ts";
import type { DagModel } from "#dag/model/model.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import {
  findDag,
  findVersion,
  listDags,
  listImportErrors,
  type DagRow,
} from "#workflows/state/dags.ts";
import { listRuns } from "#workflows/state/runs.ts";
import { pauseDag } from "#workflows/scheduler/pause-dag.ts";
import { triggerRun } from "#workflows/scheduler/trigger-run.ts";
import { livingSchedulers } from "./living-schedulers.ts";
import { formatRows, type OutputForm } from "./output.ts";
import { taskDot, taskLines } from "./show.ts";
import { when, type VerbSession } from "./session.ts";

/** Newest runs that a list shows. */
const runsShown = 1_000;

export interface Form {
  readonly output: OutputForm;
}

export async function dagsList(session: VerbSession, { output }: Form): Promise<void> {
  const rows = (await listDags(session.database)).map((it) => ({
    dag_id: it.dagId,
    fileloc: it.file,
    owners: it.owners.join(", "),
    is_paused: it.paused,
    schedule: it.schedule,
    next_run: when(it.next?.runAfter),
  }));
  session.out(formatRows(rows, output));
  if (rows.length === 0) await hintAtReaders(session);
}

/** @returns whether there are none. */
export async function dagsListImportErrors(
  session: VerbSession,
  { output }: Form,
): Promise<boolean> {
  const errors = await listImportErrors(session.database);
  session.out(formatRows(errors.map(importErrorRow), output));
  if (errors.length === 0) await hintAtReaders(session);
  return errors.length === 0;
}

export function importErrorRow(it: {
  readonly file: string;
  readonly line: number | undefined;
  readonly message: string;
}): JsonObject {
  return {
    filepath: it.line === undefined ? it.file : `${it.file}:${it.line}`,
    error: it.message,
  };
}

/** Says why nothing is known when no scheduler has read the folder. */
async function hintAtReaders(session: VerbSession): Promise<void> {
  if ((await livingSchedulers(session, {})).length > 0) return;
  session.err("no scheduler runs that reads the DAGs' files; --local reads them now\n");
}

/** @throws {Error} that names the DAG. */
export async function requireDag(session: VerbSession, dagId: string): Promise<DagRow> {
  const dag = await findDag(session.database, dagId);
  if (dag !== undefined) return dag;
  throw new Error(`there is no DAG '${dagId}': gantry dags list shows those there are`);
}

export async function dagsDetails(
  session: VerbSession,
  dagId: string,
  { output }: Form,
): Promise<void> {
  const dag = await requireDag(session, dagId);
  const version = await findVersion(session.database, dagId, dag.version);
  const fields: JsonObject = { ...rowFields(dag), ...modelFields(version?.model) };
  const rows =
    output === "json" || output === "yaml"
      ? [fields]
      : Object.entries(fields).map(([name, value]) => ({ property: name, value: value ?? null }));
  session.out(formatRows(rows, output));
}

function rowFields(dag: DagRow): JsonObject {
  return {
    dag_id: dag.dagId,
    description: dag.description ?? null,
    fileloc: dag.file,
    version: dag.version,
    hash: dag.hash,
    is_paused: dag.paused,
    is_active: dag.active,
    schedule: dag.schedule,
    max_active_runs: dag.maxActiveRuns,
    owners: [...dag.owners],
    tags: [...dag.tags],
    next_run: when(dag.next?.runAfter),
    next_data_interval_start: when(dag.next?.interval.start),
    next_data_interval_end: when(dag.next?.interval.end),
    last_parsed: when(dag.parsedAt),
  };
}

function modelFields(model: DagModel | undefined): JsonObject {
  if (model === undefined) return {};
  return {
    timezone: model.timeZone,
    start_date: when(model.startDate),
    end_date: when(model.endDate),
    catchup: model.catchup,
    max_active_tasks: model.maxActiveTasks,
    tasks: model.tasks.length,
  };
}

/** Pauses or unpauses a DAG; what runs goes on, what waits is looked at again. */
/** One DAG, or those whose ids a regular expression matches from their beginning, as Python's. */
export async function dagsPause(
  session: VerbSession,
  which: { readonly dagId: string } | { readonly pattern: string },
  paused: boolean,
): Promise<void> {
  const { database, clock } = session;
  for (const dagId of await dagsNamed(session, which)) {
    await pauseDag(database, { dagId, paused }, clock.now());
    session.out(`Dag: ${dagId}, paused: ${paused ? "True" : "False"}\n`);
  }
}

async function dagsNamed(
  session: VerbSession,
  which: { readonly dagId: string } | { readonly pattern: string },
): Promise<readonly string[]> {
  if ("dagId" in which) return [(await requireDag(session, which.dagId)).dagId];
  const pattern = new RegExp(`^(?:${which.pattern})`);
  const all = (await listDags(session.database)).map((it) => it.dagId);
  const found = all.filter((it) => pattern.test(it));
  if (found.length > 0) return found;
  throw new Error(`no DAG's id matches '${which.pattern}': gantry dags list shows them`);
}

export interface TriggerOptions extends Form {
  readonly conf?: string;
  readonly runId?: string;
  readonly logicalDate?: string;
}

export async function dagsTrigger(
  session: VerbSession,
  dagId: string,
  options: TriggerOptions,
): Promise<string> {
  const { database, clock } = session;
  const { runId, logicalDate } = options;
  const date = logicalDate === undefined ? undefined : parseMoment(logicalDate, "UTC");
  const given = { dagId, runId, logicalDate: date, conf: parseConf(options.conf) };
  const created = await triggerRun(database, given, clock.now());
  session.out(
    formatRows([{ dag_id: dagId, dag_run_id: created, state: "queued" }], options.output),
  );
  return created;
}

/** @throws {Error} when it is not a JSON object. */
export function parseConf(text: string | undefined): Record<string, Json> {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error("--conf: expected a JSON object", { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, Json>;
  }
  throw new Error("--conf: expected a JSON object");
}

export interface RunsOptions extends Form {
  readonly state?: string;
  readonly startDate?: string;
  readonly endDate?: string;
}

export async function dagsListRuns(
  session: VerbSession,
  dagId: string | undefined,
  options: RunsOptions,
): Promise<void> {
  if (dagId !== undefined) await requireDag(session, dagId);
  const moment = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseMoment(text, "UTC");
  const runs = await listRuns(session.database, {
    dagId,
    state: options.state,
    from: moment(options.startDate),
    to: moment(options.endDate),
    limit: runsShown,
  });
  const rows = runs.map((it) => ({
    dag_id: it.dagId,
    run_id: it.runId,
    state: it.state,
    run_after: when(it.runAfter),
    logical_date: when(it.logicalDate),
    start_date: when(it.startedAt),
    end_date: when(it.endedAt),
  }));
  session.out(formatRows(rows, options.output));
}

/** The tasks with their edges, as lines or for Graphviz. */
export async function dagsShow(session: VerbSession, dagId: string, dot: boolean): Promise<void> {
  const dag = await requireDag(session, dagId);
  const version = await findVersion(session.database, dagId, dag.version);
  if (version === undefined) return;
  session.out(dot ? taskDot(version.model) : taskLines(version.model));
}
