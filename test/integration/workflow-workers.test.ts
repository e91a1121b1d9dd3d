// The Celery-like executor as users run it: a scheduler, workers of named queues in processes of
// their own, and a real PostgreSQL between them.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "#testing/eventually.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";

const isMissing = !existsSync("/usr/lib/postgresql");
const options = { skip: isMissing ? "needs postgresql" : false, timeout: 180_000 };
const boundMs = 60_000;
const program = resolve("dist/gantry.js");
const home = mkdtempSync(join(tmpdir(), "gantry-workers-"));
const dags = join(home, "dags");
const children = new Set<ChildProcess>();
let postgres: PostgresProcess;
let address: string;
let scheduler: ChildProcess;

function where(data: string): string[] {
  const place = ["--data-dir", join(home, data), "--database", address];
  return [...place, "--dags-folder", dags];
}

function gantry(...args: readonly string[]): string {
  const result = spawnSync(process.execPath, [program, ...args, ...where("scheduler")], {
    encoding: "utf8",
  });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

function start(data: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args, ...where(data)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.add(child);
  return child;
}

function startScheduler(): ChildProcess {
  const where = ["--worker-address", "127.0.0.1:18795", "--worker-url", "http://127.0.0.1:18795"];
  return start("scheduler", "scheduler", "--executor", "CeleryExecutor", ...where);
}

function startWorker(name: string, queue: string): ChildProcess {
  return start(name, "worker", "-q", queue, "--autoscale", "4,1", "-H", name);
}

async function kill(child: ChildProcess, signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill(signal);
  return ((await ended) as [number | null])[0];
}

function states(dag: string, run: string): Record<string, string> {
  const rows = JSON.parse(gantry("tasks", "states-for-dag-run", dag, run, "-o", "json")) as Record<
    string,
    unknown
  >[];
  return Object.fromEntries(
    rows.map((it) => [
      String(it["task_id"]),
      `${String(it["state"])} in try ${String(it["try_number"])}`,
    ]),
  );
}

/** What tasks have noted, a line each. */
function notes(name: string): string[] {
  const file = join(home, `ran-${name}`);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

before(async () => {
  if (isMissing) return;
  postgres = await PostgresProcess.start(["fsync=off"]);
  address = await postgres.create();
  mkdirSync(dags, { recursive: true });
  writeFileSync(
    join(dags, "queues.ts"),
    `import { bash, dag } from "gantry/workflows";
     const wait = (name: string) => \`echo {{ ti.try_number }} >> ${home}/ran-\${name}; while ! test -e ${home}/go-\${name}; do sleep 0.2; done\`;
     export const queues = dag("queues", { isPausedUponCreation: false }, () => {
       const light = bash("light", { command: "echo $WHO && echo $PPID" });
       bash("heavy", { queue: "heavy", command: "echo after {{ ti.xcom_pull('light') }}" }).after(light);
     });
     export const slow = dag("slow", { isPausedUponCreation: false, maxActiveRuns: 4 }, () => {
       bash("waits", { command: wait("{{ run_id }}"), retries: 1, retryDelay: "0s" });
     });\n`,
  );
  gantry("db", "migrate");
  scheduler = startScheduler();
});

after(async () => {
  for (const it of children) it.kill("SIGKILL");
  if (!isMissing) await postgres[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
});

test("workers: each takes of its queues, and hands on over the scheduler", options, async () => {
  const light = startWorker("light", "default");
  const heavy = startWorker("heavy", "heavy");
  await eventually(() => gantry("dags", "trigger", "queues", "-r", "one"), boundMs);
  await eventually(() => {
    const want = { heavy: "success in try 1", light: "success in try 1" };
    assert.deepEqual(states("queues", "one"), want);
  }, boundMs);
  assert.match(gantry("tasks", "logs", "queues", "one", "heavy"), /after \d+/);
  assert.equal(await kill(light, "SIGTERM"), 0);
  assert.equal(await kill(heavy, "SIGTERM"), 0);
});

test("workers: what a killed worker had runs again elsewhere within seconds", options, async () => {
  const first = startWorker("first", "default");
  gantry("dags", "trigger", "slow", "-r", "killed");
  await eventually(() => {
    assert.deepEqual(notes("killed"), ["1"]);
  }, boundMs);
  await kill(first, "SIGKILL");
  const second = startWorker("second", "default");
  await eventually(() => {
    assert.deepEqual(notes("killed"), ["1", "2"]);
  }, boundMs);
  writeFileSync(join(home, "go-killed"), "");
  await eventually(() => {
    assert.deepEqual(states("slow", "killed"), { waits: "success in try 2" });
  }, boundMs);
  await kill(second, "SIGTERM");
});

test("workers: a warm shutdown lets a task end, and takes no more", options, async () => {
  const worker = startWorker("warm", "default");
  gantry("dags", "trigger", "slow", "-r", "warm");
  await eventually(() => {
    assert.deepEqual(notes("warm"), ["1"]);
  }, boundMs);
  const ended = once(worker, "exit");
  worker.kill("SIGTERM");
  gantry("dags", "trigger", "slow", "-r", "later");
  writeFileSync(join(home, "go-warm"), "");
  assert.deepEqual(await ended, [0, null]);
  await eventually(() => {
    assert.deepEqual(states("slow", "warm"), { waits: "success in try 1" });
  }, boundMs);
  assert.deepEqual(notes("later"), []);
  const next = startWorker("next", "default");
  writeFileSync(join(home, "go-later"), "");
  await eventually(() => {
    assert.deepEqual(states("slow", "later"), { waits: "success in try 1" });
  }, boundMs);
  await kill(next, "SIGTERM");
});

test(
  "workers: a task goes on while the scheduler is killed and started again",
  options,
  async () => {
    const worker = startWorker("lasting", "default");
    gantry("dags", "trigger", "slow", "-r", "kept");
    await eventually(() => {
      assert.deepEqual(notes("kept"), ["1"]);
    }, boundMs);
    await kill(scheduler, "SIGKILL");
    writeFileSync(join(home, "go-kept"), "");
    scheduler = startScheduler();
    await eventually(() => {
      assert.deepEqual(states("slow", "kept"), { waits: "success in try 1" });
    }, boundMs);
    assert.deepEqual(notes("kept"), ["1"]);
    await kill(worker, "SIGTERM");
  },
);
