import assert from "node:assert/strict";
import { silentLogger } from "#base/log.ts";
import { FakeClock } from "#base/clock.ts";
import { seededRandom, type Random } from "#base/random.ts";
import { dag, type Dag } from "#dag/authoring/dag.ts";
import { bash, empty } from "#dag/authoring/operators.ts";
import { chain } from "#dag/authoring/output.ts";
import { branch, task } from "#dag/authoring/task.ts";
import { numberOf, textOf } from "#sql/columns.ts";
import { SqlError, type Database } from "#sql/database.ts";
import { migrate } from "#sql/migrate.ts";
import type { Executor, JobEvents } from "#workflows/executor/executor.ts";
import { createBackfill } from "#workflows/scheduler/backfill.ts";
import { clearInstances } from "#workflows/scheduler/clear-instances.ts";
import { replanDag } from "#workflows/scheduler/create-runs.ts";
import { Scheduler } from "#workflows/scheduler/scheduler.ts";
import { findDag, saveDag } from "#workflows/state/dags.ts";
import { savePool } from "#workflows/state/pools.ts";
import { migrations } from "#workflows/state/schema.ts";
import { Vault } from "#workflows/state/vault.ts";
import type { AttemptResult, Job } from "#workflows/worker/protocol.ts";

const start = Date.parse("2026-05-10T08:30:00Z");
const hour = 3_600_000;
const poolSlots = 3;
const perExecutor = 4;

/** DAGs with what schedulers get wrong: limits, retries, branches, mapping, the past. */
function simulatedDags(): readonly Dag[] {
  const schedule = { schedule: "@hourly", startDate: "2026-05-10", catchup: true } as const;
  return [
    dag("wide", { ...schedule, maxActiveTasks: 5, maxActiveRuns: 2 }, () => {
      const first = empty("first");
      const options = { command: "true", retries: 2, retryDelay: "30s" };
      for (let at = 0; at < 6; at += 1) bash(`t${at}`, options).after(first);
    }),
    dag("pooled", { ...schedule, maxActiveRuns: 3 }, () => {
      const parts = ["a", "b", "c"].map((it, at) =>
        bash(it, { command: "true", pool: "small", poolSlots: 1 + (at % 2) }),
      );
      chain(parts, empty("end", { triggerRule: "all_done" }));
    }),
    dag("past", { ...schedule, maxActiveRuns: 4 }, () => {
      bash("one", { command: "true", dependsOnPast: true, retries: 50, retryDelay: "10s" });
    }),
    dag("mapped", { ...schedule, maxActiveRuns: 2 }, () => {
      const list = task("list", () => [1, 2, 3])();
      const each = task("each", { maxActiveTisPerDagrun: 1 }, (input: { n: number }) => input.n);
      const choose = branch("choose", (input: { all: number[] }) => String(input.all.length));
      chain(choose({ all: each.expand({ n: list }) }), [empty("left"), empty("right")]);
    }),
  ];
}

class SimulatedExecutor implements Executor {
  readonly jobs: Job[] = [];
  events: JobEvents | undefined;

  free(): number {
    return perExecutor - this.jobs.length;
  }

  attempts(): readonly string[] {
    return this.jobs.map((it) => it.attempt);
  }

  start(job: Job): void {
    assert.ok(this.jobs.length < perExecutor, "an executor is never given more than it takes");
    this.jobs.push(job);
  }

  cancel(attempt: string, reason: string): void {
    const job = this.jobs.find((it) => it.attempt === attempt);
    if (job === undefined) return;
    this.jobs.splice(this.jobs.indexOf(job), 1);
    this.events?.ended(job, { kind: "failed", error: reason, retry: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.jobs.length = 0;
  }
}

/** Fails transactions now and then, before or after what they do. */
function unreliable(database: Database, random: Random, rate: () => number): Database {
  return {
    dialect: database.dialect,
    rows: (sql, ...parameters) => database.rows(sql, ...parameters),
    run: (sql, ...parameters) => database.run(sql, ...parameters),
    transaction: async (body, exclusive) => {
      const lost = (): SqlError =>
        new SqlError("the connection is lost", { unavailable: true, cause: undefined });
      const result = await database.transaction(async (queries) => {
        const done = await body(queries);
        if (random.next() < rate()) throw lost();
        return done;
      }, exclusive);
      // Stored, but nobody was told.
      if (random.next() < rate()) throw lost();
      return result;
    },
    notify: () => database.notify(),
    listen: (listener) => database.listen(listener),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

interface Member {
  readonly scheduler: Scheduler;
  readonly executor: SimulatedExecutor;
  readonly pid: number;
}

/**
 * Runs several schedulers on one database for some simulated hours: turns in any order, tasks that
 * end anyhow, transactions that fail, schedulers that die. Then lets all come to an end.
 * @throws {AssertionError} when a limit was exceeded, or a run lost or doubled.
 */
export async function simulateSchedulers(
  database: Database,
  seed: number,
  steps: number,
): Promise<Figures> {
  const simulation = new Simulation(database, seed);
  await simulation.prepare();
  for (let step = 0; step < steps; step += 1) await simulation.step();
  await simulation.settle();
  return await simulation.check();
}

export interface Figures {
  readonly runs: number;
  readonly attempts: number;
  readonly deaths: number;
  readonly faults: number;
}

class Simulation {
  readonly #random: Random;
  readonly #clock = new FakeClock(start);
  readonly #database: Database;
  readonly #faulty: Database;
  readonly #members: Member[] = [];
  readonly #alive = new Set<number>();
  #faultRate = 0.03;
  #pid = 0;
  #id = 0;
  #deaths = 0;
  #faults = 0;

  constructor(database: Database, seed: number) {
    this.#random = seededRandom(seed);
    this.#database = database;
    this.#faulty = unreliable(database, this.#random, () => this.#faultRate);
  }

  async prepare(): Promise<void> {
    await migrate(this.#database, migrations);
    const now = this.#clock.now();
    await this.#database.transaction(async (queries) => {
      await savePool(queries, { name: "small", slots: poolSlots, description: undefined });
      for (const { model } of simulatedDags()) {
        const declared = { model, file: `${model.id}.dag.json`, hash: "h", bundle: "" };
        await saveDag(queries, declared, { now, pausedAtCreation: false });
        const row = await findDag(queries, model.id);
        assert.ok(row);
        await replanDag({ queries, now }, row);
      }
    });
    for (let count = 0; count < 3; count += 1) await this.#join();
  }

  async #join(): Promise<void> {
    const executor = new SimulatedExecutor();
    this.#pid += 1;
    const pid = this.#pid;
    const clock = this.#clock;
    const scheduler = new Scheduler(
      {
        database: this.#faulty,
        clock,
        log: silentLogger,
        host: "here",
        pid,
        newId: () => {
          this.#id += 1;
          return `id-${this.#id}`;
        },
        // With hardly any room what turns leave to the next is the rule.
        settings: {
          executorOf: () => "sim",
          mapLengthMax: 10,
          turnRoom: pid % 2 === 0 ? undefined : { instances: 3, steps: 3 },
        },
      },
      {
        places: {
          bundles: { folderOf: async () => "/nowhere" },
          dagsFolder: "/nowhere",
          logsFolder: "/nowhere",
        },
        answers: {
          database: this.#database,
          vault: new Vault(Buffer.alloc(32)),
          clock,
          environment: {},
        },
        isAlive: (other) => this.#alive.has(other),
        openExecutors: (events) => {
          executor.events = events;
          return new Map([["sim", executor]]);
        },
      },
    );
    this.#alive.add(pid);
    await this.#attempt(() => scheduler.enter());
    this.#members.push({ scheduler, executor, pid });
  }

  /** A failed transaction is one of the faults; anything else is a bug. */
  async #attempt(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof SqlError) || !error.unavailable) throw error;
      this.#faults += 1;
    }
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random.next() * items.length)];
  }

  async step(): Promise<void> {
    const member = this.#pick(this.#members);
    const chance = this.#random.next();
    if (member === undefined || chance < 0.01) {
      await this.#join();
    } else if (chance < 0.02 && this.#members.length > 1) {
      this.#kill(member);
    } else if (chance < 0.03) {
      await (this.#random.next() < 0.3 ? this.#backfill() : this.#clear());
    } else if (chance < 0.1) {
      await this.#attempt(() => this.#beat(member));
    } else if (chance < 0.55) {
      this.#endJobs(member);
    } else {
      await this.#attempt(() => member.scheduler.turn());
    }
    if (this.#random.next() < 0.2)
      await this.#clock.advance(Math.floor(this.#random.next() * 120_000));
    await this.#checkLimits();
  }

  /** After it nothing runs there that the database gives to somebody else. */
  async #beat({ scheduler, executor }: Member): Promise<void> {
    await scheduler.beat();
    const rows = await this.#database.rows(
      "select attempt from task_instance where state in ('queued', 'running')",
    );
    const current = new Set(rows.map((it) => textOf(it, "attempt")));
    const stale = executor.jobs.filter((it) => !current.has(it.attempt));
    assert.deepEqual(stale, [], "a try that is no longer current is ended");
  }

  /** Somebody has what failed in a run, or all of it, run again. */
  async #clear(): Promise<void> {
    const runs = await this.#database.rows("select dag_id, run_id from dag_run order by 1, 2");
    const run = this.#pick(runs);
    if (run === undefined) return;
    const key = { dagId: textOf(run, "dag_id"), runId: textOf(run, "run_id") };
    const onlyFailed = this.#random.next() < 0.5;
    const rest = { upstream: false, downstream: true, onlyRunning: false };
    const choice = { tasks: undefined, onlyFailed, ...rest };
    const request = { run: key, choice, dryRun: false };
    await clearInstances(this.#database, request, this.#clock.now());
  }

  /** Somebody orders runs of dates before the first, two at a time, once. */
  async #backfill(): Promise<void> {
    const [done] = await this.#database.rows("select count(*) as count from backfill");
    if (done !== undefined && numberOf(done, "count") > 0) return;
    const day = Date.parse("2026-05-09T00:00:00Z");
    const request = {
      ...{ dagId: "pooled", from: day, to: day + 7 * hour, conf: {}, dryRun: false },
      ...{ maxActiveRuns: 2, backwards: true, reprocess: "failed" as const },
    };
    await createBackfill(this.#database, request, this.#clock.now());
  }

  #kill(member: Member): void {
    this.#deaths += 1;
    this.#alive.delete(member.pid);
    this.#members.splice(this.#members.indexOf(member), 1);
  }

  #endJobs({ scheduler, executor }: Member): void {
    const job = this.#pick(executor.jobs);
    if (job === undefined) return;
    executor.jobs.splice(executor.jobs.indexOf(job), 1);
    scheduler.ended(job, this.#resultOf(job));
  }

  #resultOf(job: Job): AttemptResult {
    const chance = this.#random.next();
    if (chance < 0.15) return { kind: "failed", error: "it failed", retry: true };
    if (chance < 0.2) return { kind: "skipped", reason: "nothing to do" };
    if (chance < 0.25) return { kind: "reschedule", at: this.#clock.now() + 5_000 };
    const value = job.taskId === "list" ? [1, 2, 3].slice(0, Math.floor(chance * 4)) : 1;
    const outputs = [{ name: "return_value", value }];
    const followed = job.taskId === "choose" ? ["left"] : undefined;
    return { kind: "success", outputs, followed };
  }

  async #checkLimits(): Promise<void> {
    const active = await this.#database.rows(
      `select dag_id, run_id, task_id, pool, pool_slots from task_instance where state in ('queued', 'running')`,
    );
    const slots = active
      .filter((it) => textOf(it, "pool") === "small")
      .reduce((sum, it) => sum + numberOf(it, "pool_slots"), 0);
    assert.ok(slots <= poolSlots, `pool: ${slots} of ${poolSlots} slots`);
    const wide = active.filter((it) => textOf(it, "dag_id") === "wide").length;
    assert.ok(wide <= 5, `max_active_tasks: ${wide}`);
    const each = active.filter((it) => textOf(it, "task_id") === "each");
    assert.equal(new Set(each.map((it) => textOf(it, "run_id"))).size, each.length, "per run");
    const running = await this.#database.rows(
      `select dag_id, count(*) as count from dag_run
       where state = 'running' and backfill is null group by dag_id`,
    );
    const filled = await this.#database.rows(
      "select 1 as one from dag_run where state = 'running' and backfill is not null",
    );
    assert.ok(filled.length <= 2, "max_active_runs of a backfill");
    const most: Readonly<Record<string, number>> = { wide: 2, pooled: 3, past: 4, mapped: 2 };
    for (const row of running) {
      assert.ok(numberOf(row, "count") <= (most[textOf(row, "dag_id")] ?? 0), "max_active_runs");
    }
  }

  /** No more faults and no more runs: what is under way ends. */
  async settle(): Promise<void> {
    this.#faultRate = 0;
    await this.#database.run(
      "update dag set paused = 0, next_at = null, next_start = null, next_end = null",
    );
    await this.#join();
    for (let round = 0; round < 300; round += 1) {
      await this.#database.run("update dag set next_at = null");
      for (const member of this.#members) {
        await member.scheduler.beat();
        await member.scheduler.turn();
        while (member.executor.jobs.length > 0) this.#endJobs(member);
        await member.scheduler.turn();
      }
      await this.#checkLimits();
      const [left] = await this.#database.rows(
        "select count(*) as count from dag_run where state in ('queued', 'running')",
      );
      if (left !== undefined && numberOf(left, "count") === 0) return;
      await this.#clock.advance(10_000);
    }
    const left = await this.#database.rows(
      `select dag_run.dag_id, dag_run.run_id, dag_run.state, plan_at, task_id, map_index,
         task_instance.state as task_state, owner, next_at
       from dag_run left join task_instance on task_instance.dag_id = dag_run.dag_id
         and task_instance.run_id = dag_run.run_id
       where dag_run.state in ('queued', 'running')`,
    );
    assert.fail(
      `some runs do not come to an end: ${JSON.stringify(left.slice(0, 10), undefined, 1)}`,
    );
  }

  async check(): Promise<Figures> {
    const runs = await this.#database.rows(
      "select dag_id, interval_start, interval_end from dag_run where backfill is null",
    );
    for (const id of ["wide", "pooled", "past", "mapped"]) {
      const starts = runs
        .filter((it) => textOf(it, "dag_id") === id)
        .map((it) => numberOf(it, "interval_start"))
        .sort((a, b) => a - b);
      const first = starts[0] ?? 0;
      assert.deepEqual(
        starts,
        starts.map((_, at) => first + at * hour),
        `${id}: no run lost or doubled`,
      );
    }
    const tries = await this.#database.rows(
      `select extra, count(*) as count from event where name = 'task.running' group by extra`,
    );
    assert.ok(
      tries.every((it) => numberOf(it, "count") === 1),
      "an attempt starts once",
    );
    const open = await this.#database.rows(
      `select dag_id, run_id, task_id, map_index, state, reason from task_instance
       where state is null or state in ('scheduled', 'queued', 'running', 'up_for_retry')`,
    );
    assert.deepEqual(JSON.stringify(open), "[]", "no task is left behind");
    return {
      runs: runs.length,
      attempts: tries.length,
      deaths: this.#deaths,
      faults: this.#faults,
    };
  }
}
