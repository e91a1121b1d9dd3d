// Queues in Redis as users run them: schedulers and workers in processes of their own, a real Redis
// that asks for a password, and what happens when any of them is killed.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { ChildProcess } from "node:child_process";
import { after, before, test } from "node:test";
import { textOf } from "#sql/columns.ts";
import type { Database } from "#sql/database.ts";
import { openPostgres } from "#sql/postgres.ts";
import { eventually } from "#testing/eventually.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { RedisProcess } from "#testing/redis-process.ts";
import { kill, notingCommand, WorkflowProcesses } from "#testing/workflow-processes.ts";
import type { QueuedJob } from "#workflows/broker/broker.ts";
import { parseRedisAddress } from "#workflows/broker/redis-address.ts";
import { RedisBroker } from "#workflows/broker/redis-broker.ts";

const missing = [
  RedisProcess.isThere ? "" : "redis-server",
  existsSync("/usr/lib/postgresql") ? "" : "postgresql",
].filter((it) => it !== "");
const options = {
  skip: missing.length === 0 ? false : `needs ${missing.join(" and ")}`,
  timeout: 180_000,
};
const boundMs = 60_000;
const word = "only-for-this-test";
const ports = [18_801, 18_802];

let redis: RedisProcess;
let postgres: PostgresProcess;
let database: Database;
let broker: RedisBroker;
let processes: WorkflowProcesses;
const schedulers = new Map<number, ChildProcess>();

function environment(): Record<string, string> {
  return { AIRFLOW__CELERY__BROKER_URL: redis.address };
}

function startScheduler(port: number): void {
  const how = { data: port === ports[0] ? "scheduler" : "other", environment: environment() };
  schedulers.set(port, processes.startScheduler(port, how));
}

/** Knows the broker only. */
function startWorker(name: string): ChildProcess {
  const how = { hasDatabase: false, environment: environment() };
  return processes.startWorker(name, "other,default", how);
}

async function ran(run: string, tries: readonly string[]): Promise<void> {
  await eventually(() => {
    assert.deepEqual(processes.notes(run), tries);
  }, boundMs);
}

async function succeeded(run: string, attempt: number): Promise<void> {
  await eventually(() => {
    assert.deepEqual(processes.states("slow", run), { waits: `success in try ${attempt}` });
  }, boundMs);
}

async function isSent(run: string): Promise<void> {
  await eventually(async () => {
    const sql = "select attempt from task_instance where run_id = ? and attempt is not null";
    const [row] = await database.rows(sql, run);
    assert.ok(row);
    const message = { attempt: textOf(row, "attempt"), queue: "default" };
    assert.equal((await broker.waiting([message])).size, 1);
  }, boundMs);
}

/** The message of a task of the queue `peek`, which no worker serves. */
async function peek(run: string): Promise<QueuedJob> {
  processes.gantry("dags", "trigger", "seen", "-r", run);
  return await eventually(async () => {
    const [message] = await broker.take(["peek"], 1);
    assert.ok(message);
    return message;
  }, boundMs);
}

/** The port of the scheduler that has the task of a run. */
async function portOf(run: string): Promise<number> {
  const [row] = await database.rows(
    "select worker_url from job join task_instance on owner = id where run_id = ?",
    run,
  );
  assert.ok(row);
  return Number(new URL(textOf(row, "worker_url")).port);
}

before(async () => {
  if (missing.length > 0) return;
  redis = await RedisProcess.start(word);
  postgres = await PostgresProcess.start(["fsync=off"]);
  const address = await postgres.create();
  database = openPostgres(address, { connections: 1 });
  processes = new WorkflowProcesses(
    address,
    (home) => `import { bash, dag } from "gantry/workflows";
      const open = { isPausedUponCreation: false, maxActiveRuns: 9 };
      const command = "${notingCommand(home, "{{ run_id }}")}";
      export const slow = dag("slow", open, () => {
        bash("waits", { command, retries: 1, retryDelay: "0s" });
      });
      export const seen = dag("seen", open, () => {
        bash("told", { command: "true", queue: "peek" });
      });
      export const light = dag("light", open, () => {
        const first = bash("first", { command: "echo one", queue: "other" });
        bash("second", { command: "echo $AIRFLOW__CELERY__BROKER_URL after {{ ti.xcom_pull('first') }}" }).after(first);
      });\n`,
  );
  processes.gantry("db", "migrate");
  const where = parseRedisAddress(redis.address);
  broker = new RedisBroker({ address: where, name: "test" });
});

after(async () => {
  if (missing.length > 0) return;
  processes[Symbol.dispose]();
  await broker[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

test("Redis: a worker that was there first knows no more than the broker", options, async () => {
  const worker = startWorker("early");
  startScheduler(ports[0] ?? 0);
  await eventually(() => processes.gantry("dags", "trigger", "light", "-r", "one"), boundMs);
  await eventually(() => {
    const want = { first: "success in try 1", second: "success in try 1" };
    assert.deepEqual(processes.states("light", "one"), want);
  }, boundMs);
  // The task's output is what it printed: it does not see the broker's password.
  assert.match(
    processes.gantry("tasks", "logs", "light", "one", "second"),
    /^.*\] after one|^after one|\bafter one/m,
  );
  assert.doesNotMatch(
    processes.gantry("tasks", "logs", "light", "one", "second"),
    new RegExp(word),
  );
  assert.doesNotMatch(readFileSync(`/proc/${worker.pid ?? 0}/cmdline`, "utf8"), new RegExp(word));
  assert.equal(await kill(worker, "SIGTERM"), 0);
});

test("Redis: what a killed worker had runs again elsewhere within seconds", options, async () => {
  const first = startWorker("first");
  processes.gantry("dags", "trigger", "slow", "-r", "killed");
  await ran("killed", ["1"]);
  const second = startWorker("second");
  await kill(first, "SIGKILL");
  const killedAt = performance.now();
  await ran("killed", ["1", "2"]);
  const seconds = (performance.now() - killedAt) / 1_000;
  console.log(`a killed worker's task ran again after ${seconds.toFixed(1)} s`);
  processes.release("killed");
  await succeeded("killed", 2);
  await kill(second, "SIGTERM");
});

test("Redis: a worker that falls silent is lost within ten seconds", options, async () => {
  const first = startWorker("silent");
  processes.gantry("dags", "trigger", "slow", "-r", "silent");
  await ran("silent", ["1"]);
  const second = startWorker("heard");
  first.kill("SIGSTOP");
  const stoppedAt = performance.now();
  await ran("silent", ["1", "2"]);
  const seconds = (performance.now() - stoppedAt) / 1_000;
  console.log(`a silent worker's task ran again after ${seconds.toFixed(1)} s`);
  // Ten, and what this machine takes to begin.
  assert.ok(seconds < 20, `${seconds} s`);
  first.kill("SIGCONT");
  processes.release("silent");
  await succeeded("silent", 2);
  assert.deepEqual(processes.notes("silent"), ["1", "2"]);
  assert.deepEqual([await kill(first, "SIGTERM"), await kill(second, "SIGTERM")], [0, 0]);
});

test("Redis: emptied, it has lost no task and doubles none", options, async () => {
  processes.gantry("dags", "trigger", "slow", "-r", "flushed");
  await isSent("flushed");
  await redis.flush();
  const worker = startWorker("later");
  await ran("flushed", ["1"]);
  await redis.flush();
  processes.release("flushed");
  await succeeded("flushed", 1);
  assert.deepEqual(processes.notes("flushed"), ["1"]);
  await kill(worker, "SIGTERM");
});

test("Redis: gone for a while, it costs no more than the while", options, async () => {
  const worker = startWorker("lasting");
  processes.gantry("dags", "trigger", "slow", "-r", "running");
  await ran("running", ["1"]);
  await redis.kill();
  processes.gantry("dags", "trigger", "slow", "-r", "meanwhile");
  processes.release("running");
  await succeeded("running", 1);
  await redis.again();
  const backAt = performance.now();
  await ran("meanwhile", ["1"]);
  const seconds = (performance.now() - backAt) / 1_000;
  console.log(`a task of the time without Redis ran ${seconds.toFixed(1)} s after it was back`);
  processes.release("meanwhile");
  await succeeded("meanwhile", 1);
  assert.deepEqual([...processes.notes("running"), ...processes.notes("meanwhile")], ["1", "1"]);
  await kill(worker, "SIGTERM");
});

test("Redis: a worker goes on with another scheduler than began its task", options, async () => {
  startScheduler(ports[1] ?? 0);
  const worker = startWorker("faithful");
  processes.gantry("dags", "trigger", "slow", "-r", "kept");
  await ran("kept", ["1"]);
  const port = await eventually(() => portOf("kept"), boundMs);
  const owner = schedulers.get(port);
  assert.ok(owner);
  // It tells its workers of the other when it knows of it, and names itself first.
  let asked = 0;
  await eventually(async () => {
    asked += 1;
    const known = (await peek(`look-${asked}`)).schedulers;
    assert.match(known[0]?.url ?? "", new RegExp(`:${port}$`));
    assert.equal(known.length, 2);
  }, boundMs);
  await kill(owner, "SIGKILL");
  processes.release("kept");
  await succeeded("kept", 1);
  assert.deepEqual(processes.notes("kept"), ["1"]);
  await kill(worker, "SIGTERM");
});
