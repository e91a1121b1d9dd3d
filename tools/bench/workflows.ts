import { existsSync } from "node:fs";
import { numberOf } from "#sql/columns.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { cpuSecondsOf } from "./process-cost.ts";
import { median, printTable, quantile, type Row } from "./report.ts";
import { fibonacci, shaped, sleepers, threeSteps, type Shape } from "./workflow-dags.ts";
import { WorkflowSystem } from "./workflow-system.ts";

const samples = 100;
const concurrentRuns = 200;
const parallelism = ["--parallelism", "32"];

/**
 * The workloads W1 to W12 that need no containers, on SQLite and on Debian's PostgreSQL where it is
 * installed. The scheduler is the bundle, as a process of its own; runs are started by this one,
 * through the database, as the command line starts them.
 */
export async function benchWorkflows(): Promise<void> {
  const postgres = existsSync("/usr/lib/postgresql") ? await PostgresProcess.start() : undefined;
  try {
    const databases = postgres === undefined ? ["sqlite"] : ["sqlite", "postgres"];
    for (const name of databases) {
      const open = async (): Promise<WorkflowSystem> =>
        new WorkflowSystem(name === "sqlite" ? undefined : await postgres?.create());
      printTable(`workflows on ${name}`, await measureAll(open));
    }
  } finally {
    await postgres?.[Symbol.asyncDispose]();
  }
}

type Open = () => Promise<WorkflowSystem>;

async function measureAll(open: Open): Promise<Row[]> {
  return [
    ...(await measureSteps(open)),
    await measureLag(open, "W4 100 files, 1 DAG of 10 in a row", { files: 100, tasks: 10 }),
    await measureLag(open, "W4 10 files, 1 DAG of 100 in a row", { files: 10, tasks: 100 }),
    await measureLag(open, "W4 10 files, 10 trees of 10", {
      ...{ files: 10, dags: 10, tasks: 10 },
      shape: "binary_tree",
    }),
    await measureMany(open),
    await measureLarge(open, 5_000),
    await measureSleepers(open),
    await measureIdle(open),
    await measureSave(open),
  ];
}

async function measureSteps(open: Open): Promise<Row[]> {
  await using system = await open();
  system.write("three.ts", threeSteps);
  system.write("w1.ts", fibonacci("w1", 40, 10));
  system.write("w2.ts", fibonacci("w2", 10, 33));
  system.start(...parallelism);
  await system.ready(3);
  const one = async (id: string): Promise<number> =>
    await timed(async () => {
      await system.trigger(id);
      await system.finished(id);
    });
  const cold = await one("three");
  const times: number[] = [];
  for (let count = 0; count < samples; count += 1) times.push(await one("three"));
  times.sort((a, b) => a - b);
  const before = cpuOf(system);
  const together = await timed(async () => {
    await Promise.all(Array.from({ length: concurrentRuns }, () => system.trigger("three")));
    await system.finished("three", 10);
  });
  const cpu = (cpuOf(system) - before) / concurrentRuns;
  const w1 = [await one("w1"), await one("w1"), await one("w1")];
  return [
    { name: "W1 40 x fibo(10) in a row", figures: { ms: median(w1) } },
    { name: "W2 10 x fibo(33) in a row", figures: { ms: await one("w2") } },
    { name: "W3 three steps, the first run", figures: { ms: cold } },
    { name: "W3 three steps", figures: { ms: median(times), "p95 ms": quantile(times, 0.95) } },
    {
      name: `W3 ${concurrentRuns} runs at once`,
      figures: {
        ms: together,
        "per s": (concurrentRuns / together) * 1_000,
        "CPU ms each": cpu * 1_000,
      },
    },
  ];
}

/** Task lag: from the end of the task before, or from when the run was asked for, to its start. */
async function measureLag(
  open: Open,
  name: string,
  of: {
    readonly files: number;
    readonly dags?: number;
    readonly tasks: number;
    readonly shape?: Shape;
  },
): Promise<Row> {
  await using system = await open();
  const { files, dags = 1, tasks, shape = "linear" } = of;
  for (let file = 0; file < files; file += 1) {
    system.write(`f${file}.ts`, shaped(`lag_${file}`, dags, tasks, shape));
  }
  system.start(...parallelism);
  await system.ready(files * dags);
  const ids = Array.from(
    { length: files * dags },
    (_, at) => `lag_${Math.floor(at / dags)}_${at % dags}`,
  );
  const took = await timed(async () => {
    await Promise.all(ids.map((it) => system.trigger(it)));
    await system.finished("lag", 10);
  });
  const perSecond = ((files * dags * tasks) / took) * 1_000;
  const figures = { ms: took, "per s": perSecond };
  if (shape !== "linear") return { name, figures };
  const lag = await system.lagOf("lag");
  return {
    name,
    figures: { ...figures, "lag of a run, s": lag / (files * dags), "lag of all, s": lag },
  };
}

async function measureMany(open: Open): Promise<Row> {
  await using system = await open();
  for (let file = 0; file < 10; file += 1) {
    system.write(`f${file}.ts`, shaped(`many_${file}`, 10, 10, "none"));
  }
  system.start(...parallelism);
  await system.ready(100);
  const took = await timed(async () => {
    const ids = Array.from({ length: 100 }, (_, at) => `many_${Math.floor(at / 10)}_${at % 10}`);
    await Promise.all(ids.map((it) => system.trigger(it)));
    await system.finished("many", 10);
  });
  const figures = { ms: took, "per s": (1_000 / took) * 1_000 };
  return { name: "W5 100 DAGs of 10 at once, tasks", figures };
}

/** The longest gap between two tasks' starts bounds the longest turn. */
async function measureLarge(open: Open, tasks: number): Promise<Row> {
  await using system = await open();
  system.write("large.ts", shaped("large", 1, tasks, "binary_tree"));
  system.start(...parallelism);
  await system.ready(1);
  const before = cpuOf(system);
  const took = await timed(async () => {
    await system.trigger("large_0");
    await system.finished("large", 50);
  });
  const database = await system.open();
  const rows = await database.rows(
    "select distinct started_at as at from task_instance order by 1",
  );
  const starts = rows.map((it) => numberOf(it, "at"));
  const gaps = starts
    .slice(1)
    .map((it, at) => it - (starts[at] ?? it))
    .sort((a, b) => a - b);
  return {
    name: `W7 one DAG of ${tasks}`,
    figures: {
      ms: took,
      "per s": (tasks / took) * 1_000,
      "turn ms": median(gaps),
      "longest ms": gaps.at(-1) ?? 0,
      "CPU ms each": ((cpuOf(system) - before) / tasks) * 1_000,
    },
  };
}

async function measureSleepers(open: Open): Promise<Row> {
  await using system = await open();
  const jobs = 1_000;
  system.write("naps.ts", sleepers(jobs));
  system.start(...parallelism);
  await system.ready(1);
  const took = await timed(async () => {
    await system.trigger("naps");
    await system.finished("naps", 20);
  });
  const figures = { ms: took, "per s": (jobs / took) * 1_000 };
  return { name: `W9 ${jobs} sleeps of 100 ms, 32 at once`, figures };
}

async function measureIdle(open: Open): Promise<Row> {
  await using system = await open();
  for (let file = 0; file < 20; file += 1) {
    system.write(`f${file}.ts`, shaped(`idle_${file}`, 50, 3, "linear"));
  }
  const child = system.start("--parallelism", "4");
  await system.ready(1_000);
  await system.pauseAll();
  await new Promise((done) => setTimeout(done, 3_000));
  const before = cpuOf(system);
  await new Promise((done) => setTimeout(done, 10_000));
  const cpu = (cpuOf(system) - before) / 10;
  const mb = (bytes: number): number => bytes / 2 ** 20;
  return {
    name: "W10 1,000 paused DAGs, idle",
    figures: {
      "PSS MB, all processes": mb(system.pssBytes()),
      "PSS MB, scheduler": mb(system.pssBytes([child.pid ?? 0])),
      "CPU %": cpu * 100,
    },
  };
}

async function measureSave(open: Open): Promise<Row> {
  await using system = await open();
  system.write("saved.ts", threeSteps);
  system.start();
  await system.ready(1);
  const database = await system.open();
  const times: number[] = [];
  for (let version = 2; version <= 6; version += 1) {
    times.push(
      await timed(async () => {
        system.write("saved.ts", `${threeSteps}// ${version}\n`);
        await system.until(async () => {
          const [row] = await database.rows("select version from dag");
          return row !== undefined && numberOf(row, "version") >= version;
        });
      }),
    );
  }
  return { name: "W12 a file is saved, a new version is there", figures: { ms: median(times) } };
}

async function timed(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

/** Without that of workers that have ended. */
function cpuOf(system: WorkflowSystem): number {
  return system.pids().reduce((sum, it) => sum + cpuOfProcess(it), 0);
}

function cpuOfProcess(pid: number): number {
  try {
    return cpuSecondsOf(pid);
  } catch {
    return 0;
  }
}
