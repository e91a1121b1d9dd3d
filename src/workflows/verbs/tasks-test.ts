import { parseMoment } from "#dag/timetable/moment.ts";
import { runParams } from "#dag/params/check.ts";
import { answer } from "#workflows/scheduler/answers.ts";
import { findVersion } from "#workflows/state/dags.ts";
import { findRun, type RunKey } from "#workflows/state/runs.ts";
import { divertOutput } from "#workflows/worker/divert-output.ts";
import type { Job } from "#workflows/worker/protocol.ts";
import { renderedArguments } from "#workflows/worker/render-arguments.ts";
import { runJob } from "#workflows/worker/run-job.ts";
import type { Ask } from "#workflows/worker/ask.ts";
import { StoredOutputs } from "#workflows/worker/stored-outputs.ts";
import { TaskLog } from "#workflows/worker/task-log.ts";
import { parseConf } from "./dags.ts";
import type { VerbSession } from "./session.ts";
import { addBenchRun, openBench, type BenchPorts, type TestBench } from "./test-bench.ts";

/** One instance of a task, for the bench. */
export interface TaskTest {
  readonly dagId: string;
  readonly taskId: string;
  /** A date, or the id of a run whose outputs are used; now when undefined. */
  readonly dateOrRun: string | undefined;
  readonly mapIndex: number;
  readonly conf: string | undefined;
}

/**
 * Runs one task in this process, whatever comes before it; nothing is stored. What it logs is
 * printed. @returns whether it succeeded.
 */
export async function tasksTest(
  session: VerbSession,
  ports: BenchPorts,
  test: TaskTest,
  signal: AbortSignal,
): Promise<boolean> {
  await using bench = await openBench(session, ports, test.dagId, signal);
  const job = await jobFor(session, ports, bench, test);
  const { clock, environment, fetch } = ports.world;
  using log = new TaskLog({ write: ports.write, close: () => undefined }, clock);
  const restore = divertOutput(log);
  try {
    const answers = { database: bench.database, vault: session.vault, clock, environment };
    const result = await runJob(
      job,
      {
        ask: (question) => answer(answers, job, question),
        log,
        clock,
        environment,
        fetch,
        loadDag: () => bench.code.dagOf(job),
      },
      signal,
    );
    return result.kind === "success" || result.kind === "skipped";
  } finally {
    restore();
  }
}

/** Prints the arguments of a task with its templates filled in. */
export async function tasksRender(
  session: VerbSession,
  ports: BenchPorts,
  test: TaskTest,
  signal: AbortSignal,
): Promise<void> {
  await using bench = await openBench(session, ports, test.dagId, signal);
  const job = await jobFor(session, ports, bench, test);
  const { clock, environment, fetch } = ports.world;
  const answers = { database: bench.database, vault: session.vault, clock, environment };
  using log = new TaskLog({ write: () => undefined, close: () => undefined }, clock);
  const ask: Ask = (question) => answer(answers, job, question);
  const own = { ask, log, clock, environment, fetch };
  const outputs = new StoredOutputs(job, own, signal);
  const rendered = await renderedArguments(job, clock.now(), outputs.ask);
  for (const [name, value] of Object.entries(rendered)) {
    session.out(`# ----------------------------------------------------------\n`);
    session.out(`# property: ${name}\n`);
    session.out(`# ----------------------------------------------------------\n`);
    session.out(`${typeof value === "string" ? value : JSON.stringify(value, undefined, 2)}\n`);
  }
}

async function jobFor(
  session: VerbSession,
  { dagsFolder }: BenchPorts,
  bench: TestBench,
  test: TaskTest,
): Promise<Job> {
  const { dagId, taskId, dateOrRun } = test;
  const now = session.clock.now();
  const stored =
    dateOrRun === undefined
      ? undefined
      : await findRun(session.database, { dagId, runId: dateOrRun });
  const conf = stored === undefined ? parseConf(test.conf) : { ...stored.conf };
  const logicalDate = stored?.logicalDate ?? dateOf(dateOrRun);
  const key = await addBenchRun(bench, { dagId, logicalDate, conf }, now);
  const run = await findRun(bench.database, key);
  const version = await findVersion(bench.database, dagId, 1);
  const task = version?.model.tasks.find((it) => it.id === taskId);
  if (run === undefined || version === undefined || task === undefined) {
    throw new Error(`DAG ${dagId} has no task '${taskId}': gantry tasks list ${dagId}`);
  }
  if (stored !== undefined) await copyOutputs(session, bench, stored, key);
  const { params } = version.model;
  return {
    attempt: "test",
    dagId,
    runId: run.runId,
    taskId,
    mapIndex: test.mapIndex,
    tryNumber: 1,
    maxTries: 0,
    task,
    run: {
      runType: run.runType,
      logicalDate: run.logicalDate,
      intervalStart: run.intervalStart,
      intervalEnd: run.intervalEnd,
      startedAt: now,
      timeZone: version.model.timeZone,
      conf,
      params: runParams(params, conf),
    },
    code: { bundleFolder: dagsFolder, file: version.file, dagsFolder },
    logFile: "",
    freshFrom: 0,
    firstStartedAt: now,
  };
}

function dateOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseMoment(text, "UTC");
}

async function copyOutputs(
  session: VerbSession,
  bench: TestBench,
  from: RunKey,
  to: RunKey,
): Promise<void> {
  const rows = await session.database.rows(
    "select * from output where dag_id = ? and run_id = ?",
    from.dagId,
    from.runId,
  );
  for (const row of rows) {
    const copy = { ...row, run_id: to.runId };
    const columns = Object.keys(copy);
    await bench.database.run(
      `insert into output (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})`,
      ...Object.values(copy),
    );
  }
}
