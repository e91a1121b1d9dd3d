import { loadavg } from "node:os";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { Airflow, findAirflow } from "./airflow.ts";
import { airflowFibonacci, airflowShaped } from "./airflow-dags.ts";
import { measureDbos } from "./dbos.ts";
import { cpuSecondsWithChildren, pssBytesOf } from "./process-cost.ts";
import { median, printTable, type Row } from "./report.ts";
import { fibonacci, shaped, threeSteps } from "./workflow-dags.ts";
import { WorkflowSystem } from "./workflow-system.ts";

/** Small enough for Airflow, which takes seconds for each task. */
const samples = 3;
const dags = 5;
const tasksEach = 10;
const runs = 10;
const idleMs = 10_000;

/** What the workloads are run on. */
interface Runner extends AsyncDisposable {
  trigger(dagId: string): Promise<unknown>;
  finished(prefix: string): Promise<void>;
  /** Seconds that tasks in a row have waited, summed. */
  lagOf(prefix: string): Promise<number>;
  /** All its processes, but the database's. */
  pids(): readonly number[];
}

/** What was measured of one of them, printed as it comes: Airflow takes long. */
class Figures {
  readonly all: Record<string, number> = {};
  readonly #peer: string;

  constructor(peer: string) {
    this.#peer = peer;
  }

  add(name: string, figure: number): void {
    this.all[name] = figure;
    console.log(`${this.#peer}, ${name}: ${figure.toPrecision(3)}`);
  }
}

/**
 * The same workloads on Gantry, Airflow and DBOS, one after the other in one run and, for all of
 * them, on the same server of PostgreSQL. What cannot be installed is left out.
 */
export async function benchPeers(): Promise<void> {
  await using postgres = await PostgresProcess.start();
  const columns = new Map<string, Figures>();
  const measure = async (peer: string, act: (figures: Figures) => Promise<void>): Promise<void> => {
    const figures = new Figures(peer);
    columns.set(peer, figures);
    await act(figures);
    figures.add("load average at the end", loadavg()[0] ?? 0);
  };
  await measure("Gantry", async (it) => {
    await measureGantry(it, await postgres.create());
  });
  await measure("DBOS", async (it) => {
    measureDbosFigures(it, await postgres.create());
  });
  const airflow = findAirflow();
  if (airflow !== undefined) {
    await measure("Airflow", async (it) => {
      await measureAirflow(it, airflow, await postgres.create());
    });
  }
  await measure("Gantry again", async (it) => {
    await measureGantry(it, await postgres.create());
  });
  const names = [...new Set([...columns.values()].flatMap((it) => Object.keys(it.all)))];
  const rows = names.map((name): Row => {
    const figures = [...columns].map(([peer, { all }]) => [peer, all[name] ?? "-"] as const);
    return { name, figures: Object.fromEntries(figures) };
  });
  printTable("workflows beside others, on postgres", rows);
}

async function measureGantry(figures: Figures, address: string): Promise<void> {
  await using system = new WorkflowSystem(address);
  system.write("three.ts", threeSteps);
  system.write("w1.ts", fibonacci("w1", 40, 10));
  system.write("w2.ts", fibonacci("w2", 10, 33));
  system.write("row.ts", shaped("row", dags, tasksEach, "linear"));
  system.write("wide.ts", shaped("wide", dags, tasksEach, "none"));
  system.start("--parallelism", "32");
  await system.ready(3 + 2 * dags);
  await measureRuns(figures, system);
  const saved = await seconds(async () => {
    const before = await system.versionOf("w1");
    system.write("w1.ts", fibonacci("w1", 41, 10));
    await system.until(async () => (await system.versionOf("w1")) > before);
  });
  figures.add("W12 saved to new version, s", saved);
  system.write("idle.ts", shaped("idle", 1_000, 3, "linear"));
  await system.ready(1_003 + 2 * dags);
  await system.pauseAll();
  figures.add("W10 1,000 paused DAGs, MB", await idleMegabytes(system));
}

async function measureAirflow(figures: Figures, program: string, address: string): Promise<void> {
  await using system = await Airflow.start(program, address);
  system.write("three.py", airflowFibonacci("three", 3, 1));
  system.write("w1.py", airflowFibonacci("w1", 40, 10));
  system.write("w2.py", airflowFibonacci("w2", 10, 33));
  system.write("row.py", airflowShaped("row", dags, tasksEach, true));
  system.write("wide.py", airflowShaped("wide", dags, tasksEach, false));
  await system.ready(3 + 2 * dags);
  await measureRuns(figures, system);
  const saved = await seconds(async () => {
    const before = await system.hashOf("w1");
    system.write("w1.py", airflowFibonacci("w1", 41, 10));
    await system.until(async () => (await system.hashOf("w1")) !== before);
  });
  figures.add("W12 saved to new version, s", saved);
  system.write("idle.py", airflowShaped("idle", 1_000, 3, true));
  await system.ready(1_003 + 2 * dags);
  await system.pauseAll();
  figures.add("W10 1,000 paused DAGs, MB", await idleMegabytes(system));
}

/** Workloads one after the other; each is named with its unit. */
async function measureRuns(figures: Figures, system: Runner): Promise<void> {
  const one = async (id: string): Promise<number> =>
    await seconds(async () => {
      await system.trigger(id);
      await system.finished(id);
    });
  const many = async (ids: readonly string[], prefix: string): Promise<number> =>
    await seconds(async () => {
      await Promise.all(ids.map((it) => system.trigger(it)));
      await system.finished(prefix);
    });
  const all = (prefix: string): string[] =>
    Array.from({ length: dags }, (_, at) => `${prefix}_${at}`);
  figures.add("W3 three steps, first run, s", await one("three"));
  const times: number[] = [];
  for (let count = 0; count < samples; count += 1) times.push(await one("three"));
  figures.add("W3 three steps, median, s", median(times));
  const cpu = cpuOf(system);
  const together = await many(
    Array.from({ length: runs }, () => "three"),
    "three",
  );
  figures.add(`W3 ${runs} runs at once, runs/s`, runs / together);
  const used = cpuOf(system) - cpu;
  figures.add(`W3 ${runs} runs at once, CPU ms a task`, (used * 1_000) / runs / 3);
  figures.add("W1 40 x fibo(10), s", await one("w1"));
  figures.add("W2 10 x fibo(33), s", await one("w2"));
  const row = await many(all("row"), "row");
  figures.add(`W4 ${dags} DAGs of 10 in a row, tasks/s`, (dags * tasksEach) / row);
  figures.add("W4 lag of a run's tasks, s", (await system.lagOf("row")) / dags);
  const wide = await many(all("wide"), "wide");
  figures.add(`W5 ${dags} DAGs of 10 at once, tasks/s`, (dags * tasksEach) / wide);
}

/** Steps of DBOS run in its one process; nothing watches files. */
function measureDbosFigures(figures: Figures, address: string): void {
  const found = measureDbos(address, { runs, samples, dags });
  if (found === undefined) return;
  figures.add("W3 three steps, first run, s", found.cold / 1_000);
  figures.add("W3 three steps, median, s", median(found.three) / 1_000);
  figures.add(`W3 ${runs} runs at once, runs/s`, (runs * 1_000) / found.together);
  figures.add(`W3 ${runs} runs at once, CPU ms a task`, found.cpuEach / 3);
  figures.add("W1 40 x fibo(10), s", found.w1 / 1_000);
  figures.add("W2 10 x fibo(33), s", found.w2 / 1_000);
  figures.add("W4 lag of a run's tasks, s", found.lag / dags);
  const perSecond = (dags * tasksEach * 1_000) / found.parallel;
  figures.add(`W5 ${dags} DAGs of 10 at once, tasks/s`, perSecond);
}

/** Shared pages are counted once, divided among those that share them. */
async function idleMegabytes(system: { pids(): readonly number[] }): Promise<number> {
  await new Promise((done) => setTimeout(done, idleMs));
  return system.pids().reduce((sum, it) => sum + pssBytesOf(it), 0) / 2 ** 20;
}

function cpuOf(system: Runner): number {
  return system.pids().reduce((sum, it) => sum + cpuSecondsWithChildren(it), 0);
}

async function seconds(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return (performance.now() - start) / 1_000;
}
