import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { chain } from "#dag/authoring/output.ts";
import type { TaskState } from "#dag/model/states.ts";
import { openTestWorkflowApi, type TestWorkflowApi } from "#testing/workflow-api.ts";
import { logFileOf } from "#workflows/scheduler/jobs.ts";
import { saveEvents } from "#workflows/state/events.ts";
import { insertInstances, newInstance } from "#workflows/state/instances.ts";
import { addScheduler } from "#workflows/state/jobs.ts";

const run = "/api/v2/dags/line/dagRuns/r";
const key = { dagId: "line", runId: "r", taskId: "a", mapIndex: -1 };

/** A DAG of a, b and c in a line, and a run `r` of it in the given states. */
async function withRun(
  states: readonly (TaskState | null)[],
  given: { readonly logsFolder?: string } = {},
): Promise<TestWorkflowApi> {
  const api = await openTestWorkflowApi(given);
  const line = dag("line", { maxActiveRuns: 1 }, () => {
    const tasks = ["a", "b", "c"].map((it) => bash(it, { command: "true", retries: 1 }));
    chain(...(tasks as [(typeof tasks)[0], (typeof tasks)[0]]));
  });
  await api.addDag(line);
  const body = { logical_date: null, dag_run_id: "r" };
  assert.equal((await api.send("POST", "/api/v2/dags/line/dagRuns", { body })).status, 200);
  await insertInstances(
    api.database,
    line.model.tasks.map((it, at) => ({
      ...newInstance({ dagId: "line", runId: "r", runAfter: 0 }, it, -1),
      state: states[at] ?? null,
      tryNumber: states[at] == null ? 0 : 1,
    })),
  );
  await api.database.run("update dag_run set state = 'running'");
  return api;
}

async function statesOf(api: TestWorkflowApi): Promise<string> {
  const { json } = await api.send("GET", `${run}/taskInstances?order_by=task_id`);
  const found = json["task_instances"] as { task_id: string; state: string | null }[];
  const { json: of } = await api.send("GET", run);
  return `${String(of["state"])}: ${found.map((it) => `${it.task_id}=${String(it.state)}`).join(" ")}`;
}

const marks: [state: string, want: string][] = [
  ["success", "success: a=success b=success c=skipped"],
  ["failed", "failed: a=success b=failed c=skipped"],
  ["queued", "queued: a=success b=running c=null"],
];

for (const [state, want] of marks) {
  test(`PATCH of a run: set to ${state} -> ${want}`, async () => {
    await using api = await withRun(["success", "running", null]);
    assert.equal((await api.send("PATCH", run, { body: { state } })).status, 200);
    assert.equal(await statesOf(api), want);
  });
}

const patches: [path: string, body: object, want: string][] = [
  ["b", { new_state: "success" }, "running: a=failed b=success c=null"],
  ["b/dry_run", { new_state: "success" }, "failed: a=failed b=upstream_failed c=null"],
  [
    "b",
    { new_state: "skipped", include_downstream: true },
    "running: a=failed b=skipped c=skipped",
  ],
  ["b", { new_state: "success", include_upstream: true }, "running: a=success b=success c=null"],
];

for (const [path, body, want] of patches) {
  test(`PATCH of a task instance: ${path} ${JSON.stringify(body)} -> ${want}`, async () => {
    await using api = await withRun(["failed", "upstream_failed", null]);
    await api.database.run("update dag_run set state = 'failed'");
    const { status, text } = await api.send("PATCH", `${run}/taskInstances/${path}`, { body });
    assert.equal(status, 200, text);
    assert.equal(await statesOf(api), want);
  });
}

test("GET /taskInstances: filters, and by body", async () => {
  await using api = await withRun(["success", "running", null]);
  const path = "/api/v2/dags/~/dagRuns/~/taskInstances";
  const cases: [query: string, want: number][] = [
    ["", 3],
    ["?state=success&state=running", 2],
    ["?state=none", 1],
    ["?task_display_name_pattern=B", 1],
    ["?task_id=c", 1],
    ["?pool=other", 0],
    ["?operator=bash&try_number=1", 2],
  ];
  for (const [query, want] of cases) {
    assert.equal((await api.send("GET", path + query)).json["total_entries"], want, query);
  }
  const body = { dag_ids: ["line"], state: ["success", null] };
  const { json, text } = await api.send("POST", `${path}/list`, { body });
  assert.equal(json["total_entries"], 2, text);
  assert.equal((await api.send("GET", `${run}x/taskInstances`)).status, 404);
  assert.equal((await api.send("GET", `${run}/taskInstances/a/listMapped`)).status, 404);
});

test("GET …/dependencies: why a task does not run", async () => {
  await using api = await withRun(["running", null, null]);
  async function why(task: string): Promise<string> {
    const { json } = await api.send("GET", `${run}/taskInstances/${task}/dependencies`);
    const found = json["dependencies"] as { name: string; reason: string }[];
    return found.map((it) => `${it.name}: ${it.reason}`).join("; ");
  }
  const rule = "Trigger Rule: Trigger rule 'all_success': waits for 1 upstream to succeed";
  assert.equal(await why("b"), `Scheduler: No scheduler runs: gantry scheduler; ${rule}`);
  const now = Date.parse("2100-01-01");
  await addScheduler(api.database, { id: "s", host: "h", pid: 1, startedAt: now, seenAt: now });
  assert.equal(await why("a"), "");
  assert.equal(await why("b"), rule);
  await api.send("PATCH", "/api/v2/dags/line", { body: { is_paused: true } });
  assert.equal(await why("b"), `Dag Not Paused: Task's DAG 'line' is paused; ${rule}`);
  await api.send("PATCH", "/api/v2/dags/line", { body: { is_paused: false } });
  await api.database.run("update task_instance set state = 'scheduled' where task_id = 'b'");
  await api.send("PATCH", "/api/v2/pools/default_pool", { body: { slots: 1 } });
  assert.equal(
    await why("b"),
    "Pool Slots Available: Pool 'default_pool' has 0 of 1 slots open, the task takes 1",
  );
  await api.database.run("update dag_run set state = 'queued'");
  assert.match(await why("c"), /^Dagrun Running: The run waits to be started/);
  assert.equal((await api.send("GET", `${run}/taskInstances/x/dependencies`)).status, 404);
});

test("GET …/tries: those before are told from the events", async () => {
  await using api = await withRun(["running", null, null]);
  await api.database.run("update task_instance set try_number = 2 where task_id = 'a'");
  await saveEvents(api.database, [
    { ...key, at: 1_000, name: "task.running", tryNumber: 1 },
    { ...key, at: 3_500, name: "task.up_for_retry", tryNumber: 1 },
    { ...key, at: 9_000, name: "task.running", tryNumber: 2 },
  ]);
  const { json } = await api.send("GET", `${run}/taskInstances/a/tries`);
  const tries = json["task_instances"] as Record<string, unknown>[];
  assert.deepEqual(
    tries.map((it) => [it["try_number"], it["state"], it["duration"]]),
    [
      [1, "failed", 2.5],
      [2, "running", null],
    ],
  );
  assert.equal((await api.send("GET", `${run}/taskInstances/a/tries/1`)).status, 200);
  assert.equal((await api.send("GET", `${run}/taskInstances/a/tries/3`)).status, 404);
});

test("GET …/logs: by pieces, as JSON and as lines of JSON", async () => {
  const logsFolder = mkdtempSync(join(tmpdir(), "gantry-api-logs-"));
  await using api = await withRun(["running", null, null], { logsFolder });
  const file = logFileOf(logsFolder, key, 1);
  mkdirSync(dirname(file), { recursive: true });
  const first = "[2026-01-01T00:00:00.000Z] INFO - one\nplain\n[2026-01-01T00:00:01.0";
  writeFileSync(file, first);
  const path = `${run}/taskInstances/a/logs/1`;
  const one = await api.send("GET", path);
  assert.deepEqual(one.json["content"], [
    { timestamp: "2026-01-01T00:00:00.000Z", level: "info", event: "one", logger: "task" },
    { event: "plain" },
  ]);
  writeFileSync(file, `${first}00Z] ERROR - two\n`);
  await api.database.run("update task_instance set state = 'failed' where task_id = 'a'");
  const token = String(one.json["continuation_token"]);
  const two = await api.send("GET", `${path}?token=${token}`);
  assert.equal(two.json["continuation_token"], null);
  assert.equal((two.json["content"] as { event: string }[])[0]?.event, "two");
  assert.equal((await api.send("GET", `${path}?token=9${token}`)).status, 400);
  const lines = await api.send("GET", path, { headers: { accept: "application/x-ndjson" } });
  assert.equal(lines.text.trim().split("\n").length, 3);
  assert.equal((await api.send("GET", `${run}/taskInstances/a/logs/2`)).status, 404);
  rmSync(logsFolder, { recursive: true });
});

test("/xcomEntries: written, read, listed and deleted", async () => {
  await using api = await withRun(["success", null, null]);
  const path = `${run}/taskInstances/a/xcomEntries`;
  const body = { key: "k", value: { n: [1, null] } };
  assert.equal((await api.send("POST", path, { body })).status, 201);
  assert.equal((await api.send("POST", path, { body })).status, 409);
  assert.deepEqual((await api.send("GET", `${path}/k`)).json["value"], { n: [1, null] });
  const text = await api.send("GET", `${path}/k?stringify=true`);
  assert.equal(text.json["value"], '{"n":[1,null]}');
  await api.send("PATCH", `${path}/k`, { body: { value: 7 } });
  assert.equal((await api.send("GET", `${path}/k`)).json["value"], 7);
  const big = { key: "big", value: "x".repeat(1_100_000) };
  assert.equal((await api.send("POST", path, { body: big })).status, 413);
  const all = await api.send("GET", "/api/v2/dags/~/dagRuns/~/taskInstances/~/xcomEntries");
  assert.equal(all.json["total_entries"], 1);
  assert.equal((await api.send("DELETE", `${path}/k`)).status, 204);
  assert.equal((await api.send("GET", `${path}/k`)).status, 404);
});

test("GET …/wait: a line for each look, the last with results", async () => {
  await using api = await withRun(["success", null, null]);
  const xcom = { key: "return_value", value: [1] };
  await api.send("POST", `${run}/taskInstances/a/xcomEntries`, { body: xcom });
  const path = `${run}/wait?interval=0.1&result=a&result=b`;
  const [waited] = await Promise.all([
    api.send("GET", path),
    api.send("PATCH", run, { body: { state: "success" } }),
  ]);
  const lines = waited.text.trim().split("\n");
  assert.equal(lines.at(-1), '{"state":"success","results":{"a":[1]}}');
  assert.equal(waited.headers["content-type"], undefined);
  assert.equal((await api.send("GET", `${run}/wait`)).status, 422);
});

const clears: [body: object, want: string][] = [
  [{ only_failed: true, dry_run: false }, "queued: a=success b=null c=null"],
  [{ only_failed: true }, "failed: a=success b=failed c=upstream_failed"],
  [
    { task_ids: ["a"], only_failed: false, dry_run: false },
    "queued: a=null b=failed c=upstream_failed",
  ],
  [
    { task_ids: [["b", -1]], only_failed: false, dry_run: false },
    "queued: a=success b=null c=upstream_failed",
  ],
  [
    { task_ids: ["b"], include_downstream: true, only_failed: false, dry_run: false },
    "queued: a=success b=null c=null",
  ],
];

for (const [body, want] of clears) {
  test(`clearTaskInstances: ${JSON.stringify(body)} -> ${want}`, async () => {
    await using api = await withRun(["success", "failed", "upstream_failed"]);
    await api.database.run("update dag_run set state = 'failed'");
    const path = "/api/v2/dags/line/clearTaskInstances";
    const { status, text } = await api.send("POST", path, { body: { ...body, dag_run_id: "r" } });
    assert.equal(status, 200, text);
    assert.equal(await statesOf(api), want);
  });
}

test("clear of a run, and what cannot be cleared", async () => {
  await using api = await withRun(["success", "running", null]);
  const path = "/api/v2/dags/line/clearTaskInstances";
  const all = { only_failed: false, dag_run_id: "r" };
  const cases: [body: object, want: number][] = [
    [{ ...all, prevent_running_task: true }, 409],
    [{ ...all, dag_run_id: "x" }, 404],
    [{ ...all, task_ids: [7] }, 422],
  ];
  for (const [body, want] of cases) {
    assert.equal((await api.send("POST", path, { body })).status, want);
  }
  await api.database.run("update task_instance set state = 'failed' where task_id = 'b'");
  await api.database.run("update dag_run set state = 'failed'");
  const done = await api.send("POST", `${run}/clear`, { body: { dry_run: false, note: "again" } });
  assert.deepEqual([done.json["state"], done.json["note"]], ["queued", "again"]);
  assert.equal(await statesOf(api), "queued: a=null b=null c=null");
});
