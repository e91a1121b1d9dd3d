// `gantry up` with the workflows' scheduler and REST API: the program from dist/, over real HTTP.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GantryProcess, ok } from "#testing/gantry-process.ts";
import { eventually } from "#testing/eventually.ts";

const apiPort = 18_092;
const gantry = new GantryProcess(16_492);
const home = join(gantry.directory, "data", "workflows");
const origin = `http://127.0.0.1:${apiPort}`;
/** For what comes about in a moment on a machine that is not busy. */
const boundMs = 30_000;
let token = "";

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  return await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** The JSON of an answer that is well. */
async function get(path: string): Promise<Record<string, unknown>> {
  const response = await send("GET", `/api/v2${path}`);
  assert.equal(response.status, 200, path);
  return (await response.json()) as Record<string, unknown>;
}

function schedulerPid(): number {
  const { stdout } = gantry.gantry("status");
  return Number(/DAG files .*\(process (\d+)\)/.exec(stdout)?.[1] ?? 0);
}

before(() => {
  mkdirSync(join(home, "dags"), { recursive: true });
  writeFileSync(
    join(home, "dags", "hello.ts"),
    `import { dag, task } from "gantry/workflows";
     export const hello = dag("hello", { isPausedUponCreation: false }, () => {
       task("greet", () => { console.log("good morning"); return 7; })();
     });\n`,
  );
  ok(gantry.up("--runtime", "simulated", "--workflows-port", String(apiPort)));
});

after(() => {
  gantry[Symbol.dispose]();
});

test("up runs the scheduler of workflows, and a client logs in", { timeout: 90_000 }, async () => {
  await eventually(() => {
    assert.ok(schedulerPid() > 0);
  }, boundMs);
  const file = join(home, "admin.password");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const password = readFileSync(file, "utf8").trim();
  assert.doesNotMatch(readFileSync(join(home, "scheduler.log"), "utf8"), new RegExp(password));
  const login = await send("POST", "/auth/token", { username: "admin", password });
  assert.equal(login.status, 201);
  ({ access_token: token } = (await login.json()) as { access_token: string });
  assert.equal((await send("GET", "/api/v2/dags")).status, 200);
});

test("a run that is triggered over REST succeeds, with its log", { timeout: 90_000 }, async () => {
  await eventually(() => get("/dags/hello"), boundMs);
  const body = { logical_date: null, dag_run_id: "one" };
  assert.equal((await send("POST", "/api/v2/dags/hello/dagRuns", body)).status, 200);
  await eventually(async () => {
    assert.equal((await get("/dags/hello/dagRuns/one"))["state"], "success");
  }, boundMs);
  const instance = "/dags/hello/dagRuns/one/taskInstances/greet";
  assert.equal((await get(`${instance}/xcomEntries/return_value`))["value"], 7);
  assert.match(JSON.stringify(await get(`${instance}/logs/1`)), /good morning/);
  const metrics = await (await send("GET", "/metrics")).text();
  assert.match(metrics, /^airflow_ti_successes 1$/m);
  assert.match(metrics, /^airflow_dagrun_duration_success_count\{dag_id="hello"\} 1$/m);
});

test("a scheduler that is killed comes back", { timeout: 90_000 }, async () => {
  const before = schedulerPid();
  process.kill(before, "SIGKILL");
  await eventually(async () => {
    const now = schedulerPid();
    assert.ok(now > 0 && now !== before);
    await get("/dags/hello");
  }, boundMs);
});

test("down ends it, too", { timeout: 60_000 }, async () => {
  const pid = schedulerPid();
  ok(gantry.gantry("down"));
  await eventually(async () => {
    assert.throws(() => process.kill(pid, 0));
  }, boundMs);
});
