import { silentLogger } from "#base/log.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { InProcessExecutor } from "#workflows/executor/in-process.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import { Scheduler } from "#workflows/scheduler/scheduler.ts";
import { defaultMapLengthMax } from "#workflows/scheduler/world.ts";
import { answerApproval } from "#workflows/scheduler/approvals.ts";
import { openApprovals } from "#workflows/state/approvals.ts";
import { listInstances } from "#workflows/state/instances.ts";
import { findRun, type RunKey, type RunRow } from "#workflows/state/runs.ts";
import { parseConf, type Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import type { VerbSession } from "./session.ts";
import { addBenchRun, openBench, type BenchPorts, type TestBench } from "./test-bench.ts";

/** Whatever executor a task asks for, here it is this one. */
const executorName = "InProcessExecutor";
/** Something is under way, and says when it ends. */
const longestWaitMs = 5_000;

export interface TestOptions extends Form {
  readonly conf?: string;
  readonly answer: readonly BenchAnswer[];
}

/** What somebody answers a task that asks; several for one that takes several. */
export interface BenchAnswer {
  readonly taskId: string;
  readonly option: string;
}

/**
 * Runs a DAG once in this process: no scheduler is needed and nothing is stored. What its tasks log
 * is printed, and at the end their states. @returns whether the run succeeded.
 */
export async function dagsTest(
  session: VerbSession,
  ports: BenchPorts,
  given: {
    readonly dagId: string;
    readonly date: string | undefined;
    readonly options: TestOptions;
  },
  signal: AbortSignal,
): Promise<boolean> {
  const { dagId, date, options } = given;
  const conf = parseConf(options.conf);
  const logicalDate = date === undefined ? undefined : parseMoment(date, "UTC");
  await using bench = await openBench(session, ports, dagId, signal);
  const key = await addBenchRun(bench, { dagId, logicalDate, conf }, session.clock.now());
  const run = await runToEnd({ session, ports, bench, answers: options.answer }, key, signal);
  const rows = (await listInstances(bench.database, run)).map((it) => ({
    task_id: it.taskId,
    map_index: it.mapIndex < 0 ? null : it.mapIndex,
    state: it.state,
    try_number: it.tryNumber,
    reason: it.reason ?? null,
  }));
  session.out(formatRows(rows, options.output));
  session.err(`run ${run.runId} of ${dagId}: ${run.state}\n`);
  return run.state === "success";
}

async function runToEnd(
  place: {
    readonly session: VerbSession;
    readonly ports: BenchPorts;
    readonly bench: TestBench;
    readonly answers: readonly BenchAnswer[];
  },
  key: RunKey,
  signal: AbortSignal,
): Promise<RunRow> {
  const { session, ports, bench } = place;
  const { clock, vault } = session;
  const { database } = bench;
  const { dagsFolder, world } = ports;
  let serial = 0;
  let news = Promise.withResolvers<undefined>();
  let executor: InProcessExecutor | undefined;
  function open(events: JobEvents): ReadonlyMap<string, Executor> {
    const heard: JobEvents = {
      ask: (job, question) => events.ask(job, question),
      ended: (job, result) => {
        events.ended(job, result);
        news.resolve(undefined);
      },
    };
    const made = new InProcessExecutor(world, bench.code, ports.write, heard);
    executor = made;
    return new Map([[executorName, made]]);
  }
  const newId = (): string => `test-${(serial += 1)}`;
  const settings = { executorOf: () => executorName, mapLengthMax: defaultMapLengthMax };
  const scheduler = new Scheduler(
    { database, clock, log: silentLogger, host: "", pid: 0, newId, settings },
    {
      places: { bundles: { folderOf: async () => dagsFolder }, dagsFolder, logsFolder: "" },
      answers: { database, vault, clock, environment: world.environment },
      isAlive: () => true,
      openExecutors: open,
    },
  );
  await scheduler.enter();
  try {
    for (;;) {
      news = Promise.withResolvers();
      const wakeAt = await scheduler.turn();
      const run = await findRun(database, key);
      if (run === undefined) throw new Error(`run ${key.runId} is gone`);
      if (run.state === "success" || run.state === "failed") return run;
      if (await answerQuestions(place, key.dagId)) continue;
      await waitUntil(session, wakeAt, news.promise, signal);
    }
  } finally {
    await executor?.[Symbol.asyncDispose]();
  }
}

/**
 * Gives the answers to what tasks ask. @returns whether there was any question.
 * @throws {Error} at a question without an answer: nobody else can give one here.
 */
async function answerQuestions(
  {
    session,
    bench,
    answers,
  }: {
    readonly session: VerbSession;
    readonly bench: TestBench;
    readonly answers: readonly BenchAnswer[];
  },
  dagId: string,
): Promise<boolean> {
  const { database } = bench;
  const [asked] = await openApprovals(database, dagId, 1);
  if (asked === undefined) return false;
  const { taskId, subject, options } = asked;
  const chosen = answers.filter((it) => it.taskId === taskId).map((it) => it.option);
  if (chosen.length === 0) {
    throw new Error(
      `task ${taskId} asks '${subject}' (${options.join(", ")}); answer it with --answer '${taskId}=${options[0] ?? ""}'`,
    );
  }
  session.err(`${taskId} asks '${subject}': ${chosen.join(", ")}\n`);
  await answerApproval(database, asked, { chosen, by: undefined }, session.clock.now());
  return true;
}

async function waitUntil(
  { clock }: VerbSession,
  at: number | undefined,
  news: Promise<undefined>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const ms = at === undefined ? longestWaitMs : Math.max(0, at - clock.now());
  const timer = clock.sleep(ms, both).catch(() => undefined);
  await Promise.race([news, timer]);
  over.abort();
}
