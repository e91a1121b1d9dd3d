import type { Json } from "#api/object.ts";
import type { DagModel } from "#dag/model/model.ts";
import { checkParams } from "#dag/params/check.ts";
import { formatMoment } from "#dag/timetable/moment.ts";
import { manualInterval } from "#dag/timetable/timetable.ts";
import type { Database } from "#sql/database.ts";
import { insertRows } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import { bundleHash } from "#workflows/loader/bundles.ts";
import { saveBundle, saveDag } from "#workflows/state/dags.ts";
import { insertRun, type RunKey } from "#workflows/state/runs.ts";
import { migrations } from "#workflows/state/schema.ts";
import { AuthorModules } from "#workflows/worker/author-modules.ts";
import { JobCode } from "#workflows/worker/job-code.ts";
import type { WorkerWorld } from "#workflows/worker/worker.ts";
import { readFolder, type FolderPorts } from "./read-folder.ts";
import type { VerbSession } from "./session.ts";

/** What trying a DAG out needs beside a session. */
export interface BenchPorts extends FolderPorts {
  readonly world: WorkerWorld;
  /** Prints the lines of tasks, even while what this process prints is taken for theirs. */
  readonly write: (lines: string) => void;
}

/** The folder's DAGs in a database that is only in memory; variables, connections, pools are copies. */
export interface TestBench extends AsyncDisposable {
  readonly database: Database;
  readonly code: JobCode;
  /** By id, with the file that declares each. */
  readonly dags: ReadonlyMap<string, { readonly model: DagModel; readonly file: string }>;
}

/** Reads the folder, for this DAG before all. What is wrong with files is printed. */
export async function openBench(
  session: VerbSession,
  ports: BenchPorts,
  dagId: string,
  signal: AbortSignal,
): Promise<TestBench> {
  const modules = new AuthorModules();
  modules.install();
  const database = openSqlite(":memory:");
  await migrate(database, migrations);
  await copySettings(session.database, database);
  const found = await readFolder(ports, dagId, signal);
  for (const it of found.errors) {
    session.err(`${it.file}${it.line === undefined ? "" : `:${it.line}`}: ${it.message}\n`);
  }
  const dags = new Map(found.dags.map((it) => [it.model.id, it] as const));
  const code = new JobCode(modules, ports.world.clock);
  return { database, code, dags, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

async function copySettings(from: Database, to: Database): Promise<void> {
  for (const table of ["variable", "connection", "pool"]) {
    const rows = await from.rows(`select * from ${table}`);
    await to.run(`delete from ${table}`);
    const columns = Object.keys(rows[0] ?? {});
    if (columns.length === 0) continue;
    const values = rows.map((row) => columns.map((name) => row[name] ?? null));
    await insertRows(to, table, columns, values);
  }
}

export interface BenchRun {
  readonly dagId: string;
  /** Now when undefined; milliseconds since the epoch. */
  readonly logicalDate: number | undefined;
  readonly conf: Readonly<Record<string, Json>>;
}

/**
 * Puts a run of a DAG into the bench's database; nothing else there starts by itself.
 * @throws {Error} when there is no such DAG, or the configuration does not fit its parameters.
 */
export async function addBenchRun(bench: TestBench, given: BenchRun, now: number): Promise<RunKey> {
  const tested = bench.dags.get(given.dagId);
  if (tested === undefined) {
    const known = [...bench.dags.keys()].sort().join(", ");
    throw new Error(`there is no DAG '${given.dagId}' in the folder; there are: ${known}`);
  }
  checkParams(tested.model.params, given.conf);
  const logicalDate = given.logicalDate ?? now;
  const runId = `manual__${formatMoment(logicalDate)}`;
  await bench.database.transaction(async (queries) => {
    const bundle = bundleHash({});
    await saveBundle(queries, bundle, {});
    for (const { model, file } of bench.dags.values()) {
      const resting: DagModel = { ...model, schedule: { kind: "none" } };
      const paused = model.id !== given.dagId;
      const declared = { model: resting, file, bundle, hash: "tested" };
      await saveDag(queries, declared, { now, pausedAtCreation: paused });
      const value = paused ? 1 : 0;
      await queries.run("update dag set paused = ? where dag_id = ?", value, model.id);
    }
    await insertRun(queries, {
      dagId: given.dagId,
      runId,
      version: 1,
      runType: "manual",
      logicalDate,
      interval: manualInterval(tested.model.schedule, logicalDate),
      runAfter: now,
      conf: given.conf,
      now,
    });
  });
  return { dagId: given.dagId, runId };
}
