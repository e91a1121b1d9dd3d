import { createReadStream, existsSync } from "node:fs";
import { findVersion } from "#workflows/state/dags.ts";
import { listInstances } from "#workflows/state/instances.ts";
import { listOutputs } from "#workflows/state/outputs.ts";
import { logFileOf } from "#workflows/scheduler/jobs.ts";
import { requireDag, type Form } from "./dags.ts";
import { requireInstance, requireRun } from "./find-run.ts";
import { formatRows } from "./output.ts";
import { taskTree } from "./show.ts";
import { when, type VerbSession } from "./session.ts";

export async function tasksList(session: VerbSession, dagId: string, tree = false): Promise<void> {
  const dag = await requireDag(session, dagId);
  const version = await findVersion(session.database, dagId, dag.version);
  if (tree && version !== undefined) {
    session.out(taskTree(version.model));
    return;
  }
  const ids = (version?.model.tasks ?? []).map((it) => it.id).sort();
  for (const id of ids) session.out(`${id}\n`);
}

export async function tasksStates(
  session: VerbSession,
  dagId: string,
  runId: string,
  { output }: Form,
): Promise<void> {
  const run = await requireRun(session, dagId, runId);
  const rows = (await listInstances(session.database, run)).map((it) => ({
    dag_id: it.dagId,
    logical_date: when(run.logicalDate),
    task_id: it.taskId,
    map_index: it.mapIndex < 0 ? null : it.mapIndex,
    state: it.state,
    try_number: it.tryNumber,
    start_date: when(it.startedAt),
    end_date: when(it.endedAt),
    reason: it.reason ?? null,
  }));
  session.out(formatRows(rows, output));
}

export interface LogOptions {
  readonly mapIndex: number;
  readonly tryNumber: number | undefined;
}

/** Prints the log of a try; the newest when none is named. */
export async function tasksLogs(
  session: VerbSession,
  key: { readonly dagId: string; readonly runId: string; readonly taskId: string },
  options: LogOptions,
): Promise<void> {
  const instance = await requireInstance(session, { ...key, mapIndex: options.mapIndex });
  const file = logFileOf(session.logsFolder, instance, options.tryNumber ?? instance.tryNumber);
  if (!existsSync(file)) throw new Error(`there is no log at ${file}`);
  for await (const text of createReadStream(file, "utf8")) session.out(String(text));
}

/** What the tasks of a run have handed on. */
export async function runsOutputs(
  session: VerbSession,
  dagId: string,
  runId: string,
  { output }: Form,
): Promise<void> {
  const run = await requireRun(session, dagId, runId);
  const rows = (await listOutputs(session.database, run)).map((it) => ({
    task_id: it.taskId,
    map_index: it.mapIndex < 0 ? null : it.mapIndex,
    key: it.name,
    value: it.value,
  }));
  session.out(formatRows(rows, output));
}
