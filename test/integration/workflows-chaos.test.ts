// Schedulers and workers are killed at any moment, again and again, with queues in Redis this too; what
// the event log says about it must hold all the same. GANTRY_CHAOS_KILLS says how often,
// GANTRY_CHAOS_SEED makes it another one.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "#base/random.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import type { Database, Row } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import { openPostgres } from "#sql/postgres.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { processTree } from "#testing/process-tree.ts";
import { RedisProcess } from "#testing/redis-process.ts";
import { triggerRun } from "#workflows/scheduler/trigger-run.ts";
import { savePool } from "#workflows/state/pools.ts";
import { migrations } from "#workflows/state/schema.ts";

const kills = Number(process.env["GANTRY_CHAOS_KILLS"] ?? 200);
/** For so many kills on a busy machine. */
const killsMs = kills * 1_000;
const seed = Number(process.env["GANTRY_CHAOS_SEED"] ?? 1);
const schedulersCount = 3;
const killEveryMs = 100;
const poolSlots = 3;
const maxActiveTasks = 5;
const tasksPerRun = 6;
const settleMs = 90_000;

const dags = `import { dag, task, chain } from "gantry/workflows";
const options = { retries: 1_000, retryDelay: "50ms" };
const nap = async () => { await new Promise((done) => setTimeout(done, 30)); return 1; };
export const chaos = dag("chaos", { maxActiveRuns: 3, maxActiveTasks: ${maxActiveTasks} }, () => {
  const parts = Array.from({ length: ${tasksPerRun - 2} }, (_, at) =>
    task("part" + at, { ...options, pool: at % 2 === 0 ? "small" : "default_pool" }, nap)());
  chain(task("first", options, nap)(), parts, task("last", options, nap)());
});
`;

class Chaos implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "gantry-chaos-"));
  readonly #address: string;
  readonly #redis: RedisProcess | undefined;
  readonly #random = seededRandom(seed);
  /** Schedulers, and workers of queues. */
  readonly #running = new Set<ChildProcess>();
  #isOver = false;
  kills = 0;
  losses = 0;

  /** @param redis between schedulers and workers; schedulers run tasks themselves when undefined. */
  constructor(address: string, redis?: RedisProcess) {
    this.#address = address;
    this.#redis = redis;
    mkdirSync(join(this.#folder, "dags"));
    writeFileSync(join(this.#folder, "dags", "chaos.ts"), dags);
  }

  start(): void {
    for (let at = 0; at < schedulersCount; at += 1) {
      const args = ["scheduler", "--database", this.#address, "--parallelism", "4"];
      const address = `127.0.0.1:${18_821 + at}`;
      const queues = ["--worker-address", address, "--worker-url", `http://${address}`];
      const executor = ["--executor", "CeleryExecutor", ...queues];
      const own = this.#redis === undefined ? [] : executor;
      this.#keep([...args, ...own, "--no-paused-at-creation"]);
    }
    if (this.#redis === undefined) return;
    for (const name of ["a", "b"]) this.#keep(["worker", "-c", "4", "-H", name]);
  }

  #keep(args: readonly string[]): void {
    const where = ["--data-dir", this.#folder, "--dags-folder", join(this.#folder, "dags")];
    const broker = this.#redis === undefined ? [] : ["--broker", this.#redis.address];
    const child = spawn(process.execPath, ["dist/gantry.js", ...args, ...where, ...broker], {
      stdio: "ignore",
    });
    this.#running.add(child);
    child.once("exit", () => {
      this.#running.delete(child);
      if (!this.#isOver) this.#keep(args);
    });
  }

  /** Redis loses what it holds, or what it is doing as well. */
  async lose(): Promise<void> {
    if (this.#redis === undefined || this.#random.next() > 0.05) return;
    this.losses += 1;
    if (this.#random.next() < 0.5) {
      await this.#redis.flush();
    } else {
      await this.#redis.kill();
      await this.#redis.again();
    }
  }

  /** Kills one of the schedulers or what they have started. */
  kill(): void {
    const roots = [...this.#running].flatMap((it) => it.pid ?? []);
    const all = processTree(roots);
    // Schedulers take long to start, so it is mostly workers.
    const candidates = this.#random.next() < 0.2 ? roots : all;
    const pid = candidates[Math.floor(this.#random.next() * candidates.length)];
    if (pid === undefined) return;
    try {
      process.kill(pid, "SIGKILL");
      this.kills += 1;
    } catch {
      // It ended by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const ended = [...this.#running].map((it) => new Promise((done) => it.once("exit", done)));
    for (const it of this.#running) it.kill("SIGKILL");
    await Promise.all(ended);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function until(holds: () => Promise<boolean>, what: string, withinMs: number): Promise<void> {
  const limit = performance.now() + withinMs;
  while (!(await holds())) {
    assert.ok(performance.now() < limit, `not within ${withinMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function count(database: Database, condition: string): Promise<number> {
  const [row] = await database.rows(`select count(*) as count from ${condition}`);
  return row === undefined ? 0 : numberOf(row, "count");
}

/** Replays the log of events. @throws {AssertionError} where something was doubled or too much. */
function replay(events: readonly Row[]): ReadonlyMap<string, number> {
  const active = new Map<string, string>();
  const succeeded = new Map<string, number>();
  for (const event of events) {
    const task = textOf(event, "task_id");
    const key = `${textOf(event, "run_id")} ${task} ${numberOf(event, "map_index")}`;
    const name = textOf(event, "name");
    // It goes on, with another scheduler.
    if (name === "task.adopted") continue;
    if (name !== "task.running") {
      active.delete(key);
      if (name === "task.success") succeeded.set(key, (succeeded.get(key) ?? 0) + 1);
      continue;
    }
    assert.ok(!active.has(key), `${key} is started while it runs`);
    active.set(key, task);
    const small = [...active.values()].filter((it) => it === "part0" || it === "part2").length;
    assert.ok(small <= poolSlots, `pool: ${small} of ${poolSlots} slots`);
    assert.ok(active.size <= maxActiveTasks, `max_active_tasks: ${active.size}`);
  }
  assert.equal(active.size, 0, "every start has its end");
  return succeeded;
}

async function runChaos(redis?: RedisProcess): Promise<void> {
  await using server = await PostgresProcess.start(["fsync=off"]);
  const address = await server.create();
  await using database = openPostgres(address, { connections: 2 });
  await migrate(database, migrations);
  await savePool(database, { name: "small", slots: poolSlots, description: undefined });
  await using chaos = new Chaos(address, redis);
  chaos.start();
  await until(async () => (await count(database, "dag")) === 1, "the DAG is read", 60_000);

  const triggered: string[] = [];
  const end = performance.now() + killsMs;
  while (chaos.kills < kills && performance.now() < end) {
    if ((await count(database, "dag_run where state in ('queued', 'running')")) < 6) {
      const given = { dagId: "chaos", runId: undefined, logicalDate: undefined, conf: {} };
      triggered.push(await triggerRun(database, given, Date.now()));
    }
    chaos.kill();
    await chaos.lose();
    await new Promise((done) => setTimeout(done, killEveryMs));
  }
  const open = "dag_run where state in ('queued', 'running')";
  await until(async () => (await count(database, open)) === 0, "every run ends", settleMs);
  await check(database, triggered);
  const figures = `${chaos.kills} kills, ${chaos.losses} losses of Redis`;
  console.log(`${figures}, ${triggered.length} runs`);
  assert.ok(chaos.kills >= kills, figures);
  assert.ok(redis === undefined || chaos.losses > 0, figures);
}

async function check(database: Database, triggered: readonly string[]): Promise<void> {
  const runs = await database.rows("select run_id, state from dag_run order by run_id");
  assert.deepEqual(
    runs.map((it) => `${textOf(it, "run_id")} ${textOf(it, "state")}`),
    triggered.toSorted().map((it) => `${it} success`),
    "no run is lost, doubled or failed",
  );
  const events = await database.rows("select * from event where name like 'task.%' order by id");
  const succeeded = replay(events);
  assert.equal(succeeded.size, triggered.length * tasksPerRun);
  assert.ok(
    [...succeeded.values()].every((it) => it === 1),
    "every task succeeds once",
  );
}

test("workflows: hundreds of kills lose and double nothing", { timeout: 600_000 }, async () => {
  await runChaos();
});

const withRedis = {
  skip: RedisProcess.isThere ? false : "needs redis-server",
  timeout: 600_000,
};

test("workflows: nor with queues in Redis, which loses all now and then", withRedis, async () => {
  await using redis = await RedisProcess.start();
  await runChaos(redis);
});
