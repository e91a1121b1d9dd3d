// The Celery-like executor as users run it: a scheduler, workers of named queues in processes of
// their own, and a real PostgreSQL between them.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { eventually } from "#testing/eventually.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { kill, notingCommand, WorkflowProcesses } from "#testing/workflow-processes.ts";

const isMissing = !existsSync("/usr/lib/postgresql");
const options = { skip: isMissing ? "needs postgresql" : false, timeout: 180_000 };
const boundMs = 60_000;
let postgres: PostgresProcess;
let processes: WorkflowProcesses;
let scheduler: ChildProcess;

function startScheduler(): ChildProcess {
  return processes.startScheduler(18_795, { data: "scheduler" });
}

before(async () => {
  if (isMissing) return;
  postgres = await PostgresProcess.start(["fsync=off"]);
  processes = new WorkflowProcesses(
    await postgres.create(),
    (home) => `import { bash, dag } from "gantry/workflows";
     export const queues = dag("queues", { isPausedUponCreation: false }, () => {
       const light = bash("light", { command: "echo $WHO && echo $PPID" });
       bash("heavy", { queue: "heavy", command: "echo after {{ ti.xcom_pull('light') }}" }).after(light);
     });
     export const slow = dag("slow", { isPausedUponCreation: false, maxActiveRuns: 4 }, () => {
       bash("waits", { command: "${notingCommand(home, "{{ run_id }}")}", retries: 1, retryDelay: "0s" });
     });\n`,
  );
  processes.gantry("db", "migrate");
  scheduler = startScheduler();
});

after(async () => {
  if (isMissing) return;
  processes[Symbol.dispose]();
  await postgres[Symbol.asyncDispose]();
});

test("workers: each takes of its queues, and hands on over the scheduler", options, async () => {
  const light = processes.startWorker("light", "default");
  const heavy = processes.startWorker("heavy", "heavy");
  await eventually(() => processes.gantry("dags", "trigger", "queues", "-r", "one"), boundMs);
  await eventually(() => {
    const want = { heavy: "success in try 1", light: "success in try 1" };
    assert.deepEqual(processes.states("queues", "one"), want);
  }, boundMs);
  assert.match(processes.gantry("tasks", "logs", "queues", "one", "heavy"), /after \d+/);
  assert.equal(await kill(light, "SIGTERM"), 0);
  assert.equal(await kill(heavy, "SIGTERM"), 0);
});

test("workers: what a killed worker had runs again elsewhere within seconds", options, async () => {
  const first = processes.startWorker("first", "default");
  processes.gantry("dags", "trigger", "slow", "-r", "killed");
  await eventually(() => {
    assert.deepEqual(processes.notes("killed"), ["1"]);
  }, boundMs);
  await kill(first, "SIGKILL");
  const second = processes.startWorker("second", "default");
  await eventually(() => {
    assert.deepEqual(processes.notes("killed"), ["1", "2"]);
  }, boundMs);
  processes.release("killed");
  await eventually(() => {
    assert.deepEqual(processes.states("slow", "killed"), { waits: "success in try 2" });
  }, boundMs);
  await kill(second, "SIGTERM");
});

test("workers: a warm shutdown lets a task end, and takes no more", options, async () => {
  const worker = processes.startWorker("warm", "default");
  processes.gantry("dags", "trigger", "slow", "-r", "warm");
  await eventually(() => {
    assert.deepEqual(processes.notes("warm"), ["1"]);
  }, boundMs);
  const ended = once(worker, "exit");
  worker.kill("SIGTERM");
  processes.gantry("dags", "trigger", "slow", "-r", "later");
  processes.release("warm");
  assert.deepEqual(await ended, [0, null]);
  await eventually(() => {
    assert.deepEqual(processes.states("slow", "warm"), { waits: "success in try 1" });
  }, boundMs);
  assert.deepEqual(processes.notes("later"), []);
  const next = processes.startWorker("next", "default");
  processes.release("later");
  await eventually(() => {
    assert.deepEqual(processes.states("slow", "later"), { waits: "success in try 1" });
  }, boundMs);
  await kill(next, "SIGTERM");
});

test(
  "workers: a task goes on while the scheduler is killed and started again",
  options,
  async () => {
    const worker = processes.startWorker("lasting", "default");
    processes.gantry("dags", "trigger", "slow", "-r", "kept");
    await eventually(() => {
      assert.deepEqual(processes.notes("kept"), ["1"]);
    }, boundMs);
    await kill(scheduler, "SIGKILL");
    processes.release("kept");
    scheduler = startScheduler();
    await eventually(() => {
      assert.deepEqual(processes.states("slow", "kept"), { waits: "success in try 1" });
    }, boundMs);
    assert.deepEqual(processes.notes("kept"), ["1"]);
    await kill(worker, "SIGTERM");
  },
);
