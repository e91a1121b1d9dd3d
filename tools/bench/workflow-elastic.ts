import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { dag, type Dag } from "#dag/authoring/dag.ts";
import type { Output } from "#dag/authoring/output.ts";
import { task } from "#dag/authoring/task.ts";
import { numberOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { openSqlite } from "#sql/sqlite.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import { Scheduler } from "#workflows/scheduler/scheduler.ts";
import { triggerRun } from "#workflows/scheduler/trigger-run.ts";
import { saveDag } from "#workflows/state/dags.ts";
import { migrations } from "#workflows/state/schema.ts";
import { Vault } from "#workflows/state/vault.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import { median, printTable, type Row } from "./report.ts";
import { until } from "./until.ts";

/*
 * W6 and W7: the scheduler alone, in the shapes of Airflow's elastic DAG, with an executor whose jobs
 * end as soon as the turn that started them is over. What is measured is turns and their statements.
 */

const parallelism = 32;

/** What each task comes after, by its number; -1: nothing. Airflow: `elastic_dag.py`. */
const shapes: Readonly<Record<string, (at: number, width: number) => readonly number[]>> = {
  "no structure": () => [],
  linear: (at) => [at - 1],
  "binary tree": (at) => [(at - 1) >> 1],
  star: () => [0],
  grid: (at, width) => [at - width, at % width === 0 ? -1 : at - 1],
};

function shapedDag(id: string, shape: string, tasks: number): Dag {
  const width = Math.ceil(Math.sqrt(tasks));
  return dag(id, { maxActiveTasks: tasks, maxActiveRuns: 100 }, () => {
    const step = task("step", () => 1);
    const made: Output<number>[] = [];
    for (let at = 0; at < tasks; at += 1) {
      const next = step();
      made.push(next);
      if (at === 0) continue;
      for (const before of shapes[shape]?.(at, width) ?? []) made[before]?.before(next);
    }
  });
}

/** Jobs end, with success, in the next turn of the event loop. */
class EmptyExecutor implements Executor {
  readonly #events: JobEvents;
  readonly #jobs = new Map<string, Job>();

  constructor(events: JobEvents) {
    this.#events = events;
  }

  free(): number {
    return parallelism - this.#jobs.size;
  }

  attempts(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  start(job: Job): void {
    this.#jobs.set(job.attempt, job);
    setImmediate(() => {
      this.#jobs.delete(job.attempt);
      const outputs = [{ name: "return_value", value: 1 }];
      this.#events.ended(job, { kind: "success", outputs });
    });
  }

  cancel(): void {
    // What was started ends at once.
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** @param turns gets the length of each turn, in milliseconds. */
function openScheduler(database: Database, turns: number[]): Scheduler {
  const world = { database, clock: systemClock, log: silentLogger };
  const settings = { executorOf: () => "empty", mapLengthMax: 1 };
  return new Scheduler(
    { ...world, host: "bench", pid: process.pid, newId: randomUUID, settings },
    {
      places: { bundles: { folderOf: () => Promise.resolve("") }, dagsFolder: "", logsFolder: "" },
      answers: { ...world, vault: new Vault(Buffer.alloc(32)), environment: {} },
      isAlive: () => true,
      observe: ({ seconds }) => turns.push(seconds * 1_000),
      openExecutors: (events) => new Map([["empty", new EmptyExecutor(events)]]),
    },
  );
}

async function measure(shape: string, dags: number, tasks: number): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  const turns: number[] = [];
  const ending = new AbortController();
  try {
    await using database = openSqlite(join(folder, "workflows.sqlite"));
    await migrate(database, migrations);
    for (let at = 0; at < dags; at += 1) {
      const { model } = shapedDag(`elastic_${at}`, shape, tasks);
      const version = { model, file: "elastic.ts", hash: "1", bundle: "" };
      await saveDag(database, version, { now: Date.now(), pausedAtCreation: false });
      const trigger = { dagId: model.id, runId: "one", logicalDate: undefined, conf: {} };
      await triggerRun(database, trigger, Date.now());
    }
    const cpu = process.cpuUsage();
    const since = performance.now();
    const running = openScheduler(database, turns).run(ending.signal);
    await until(async () => {
      const open = "select count(*) as open from dag_run where state in ('queued', 'running')";
      const [row] = await database.rows(open);
      return row !== undefined && numberOf(row, "open") === 0;
    }, 20);
    const tookMs = performance.now() - since;
    const { user, system } = process.cpuUsage(cpu);
    ending.abort();
    await running;
    const total = dags * tasks;
    const figures = {
      "tasks per s": (total / tookMs) * 1_000,
      "CPU ms a task": (user + system) / 1_000 / total,
      "turn ms": median(turns),
      "longest turn ms": Math.max(...turns),
    };
    return { name: `${shape}, ${dags} × ${tasks}`, figures };
  } finally {
    ending.abort();
    rmSync(folder, { recursive: true });
  }
}

export async function benchElastic(): Promise<void> {
  const rows: Row[] = [];
  for (const [dags, tasks] of [
    [10, 100],
    [1, 5_000],
  ] as const) {
    for (const shape of Object.keys(shapes)) rows.push(await measure(shape, dags, tasks));
  }
  printTable("W6, W7: the scheduler alone, on SQLite", rows);
}
