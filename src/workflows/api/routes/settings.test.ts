import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { openTestWorkflowApi } from "#testing/workflow-api.ts";
import { saveAssetEvents } from "#workflows/state/assets.ts";
import { saveBundle, setImportError } from "#workflows/state/dags.ts";

test("/connections: no secret is ever shown, and none is lost by what is shown", async () => {
  await using api = await openTestWorkflowApi();
  const path = "/api/v2/connections";
  const connection = {
    connection_id: "shop",
    conn_type: "postgres",
    host: "db",
    port: 5432,
    password: "hunter2",
    extra: '{"api_key": "hunter2", "sslmode": "require"}',
  };
  const made = await api.send("POST", path, { body: connection });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.json["password"], "***");
  assert.equal(made.json["extra"], '{"api_key":"***","sslmode":"require"}');
  const shown = await api.send("GET", `${path}/shop`);
  assert.doesNotMatch(shown.text, /hunter2/);
  assert.doesNotMatch((await api.send("GET", path)).text, /hunter2/);
  const body = { connection_id: "shop", conn_type: "postgres", host: "other", password: "***" };
  const changed = await api.send("PATCH", `${path}/shop`, { body });
  assert.deepEqual([changed.json["host"], changed.json["port"]], ["other", 5432]);
  const kept = await api.database.rows("select value from connection");
  assert.match(api.vault.open(String(kept[0]?.["value"])), /"password":"hunter2"/);
  const masked = await api.send("PATCH", `${path}/shop?update_mask=port`, {
    body: { ...body, host: "lost", port: 1 },
  });
  assert.deepEqual([masked.json["host"], masked.json["port"]], ["other", 1]);
  const cases: [body: object, want: number][] = [
    [{ connection_id: "a b", conn_type: "x" }, 422],
    [{ connection_id: "a", conn_type: "x", extra: "not JSON" }, 422],
    [{ connection_id: "a" }, 422],
    [{ connection_id: "shop", conn_type: "x" }, 409],
  ];
  for (const [given, want] of cases) {
    assert.equal((await api.send("POST", path, { body: given })).status, want);
  }
  assert.equal((await api.send("POST", `${path}/test`, { body: connection })).status, 403);
  assert.equal((await api.send("DELETE", `${path}/shop`)).status, 204);
});

test("/pools: slots, and the default one stays", async () => {
  await using api = await openTestWorkflowApi();
  const path = "/api/v2/pools";
  assert.equal((await api.send("POST", path, { body: { name: "p", slots: 3 } })).status, 201);
  assert.equal((await api.send("POST", path, { body: { name: "p", slots: 3 } })).status, 409);
  assert.equal((await api.send("POST", path, { body: { name: "q", slots: -2 } })).status, 422);
  const changed = await api.send("PATCH", `${path}/p?update_mask=description`, {
    body: { slots: 9, description: "d" },
  });
  assert.deepEqual([changed.json["slots"], changed.json["description"]], [3, "d"]);
  assert.equal(changed.json["open_slots"], 3);
  assert.equal((await api.send("DELETE", `${path}/default_pool`)).status, 400);
  const bulk = { actions: [{ action: "delete", entities: ["p", "default_pool"] }] };
  const { json } = await api.send("PATCH", path, { body: bulk });
  assert.match(JSON.stringify(json), /Default Pool can't be deleted/);
  assert.equal((await api.send("GET", path)).json["total_entries"], 1);
});

test("parts of DAGs, and records", async () => {
  await using api = await openTestWorkflowApi();
  const first = dag("first", { tags: ["x"], startDate: "2026-01-01" }, () => {
    bash("one", { command: "true", pool: "none_such", executionTimeout: "36h" });
  });
  await api.addDag(first, "first.ts");
  await saveBundle(api.database, "bundle", { "first.ts": "export const first = 1;\n" });
  await setImportError(api.database, "broken.ts", { message: "no", line: 3 }, 1_000);
  const source = await api.send("GET", "/api/v2/dagSources/first", {
    headers: { accept: "text/plain" },
  });
  assert.equal(source.text, "export const first = 1;\n");
  const tasks = await api.send("GET", "/api/v2/dags/first/tasks");
  const [task] = tasks.json["tasks"] as Record<string, unknown>[];
  const timeout = { __type: "TimeDelta", days: 1, seconds: 43_200, microseconds: 0 };
  assert.deepEqual(task?.["execution_timeout"], timeout);
  const paths: [path: string, name: string, want: number][] = [
    ["dagTags", "tags", 1],
    ["dagWarnings", "dag_warnings", 1],
    ["dagStats?dag_ids=first", "dags", 1],
    ["dags/first/dagVersions", "dag_versions", 1],
    ["importErrors", "import_errors", 1],
    ["importErrors?filename_pattern=other", "import_errors", 0],
    ["jobs", "jobs", 0],
    ["plugins", "plugins", 0],
    ["providers", "providers", 0],
    ["eventLogs?event=dag.paused", "event_logs", 0],
  ];
  for (const [path, name, want] of paths) {
    const { json, status } = await api.send("GET", `/api/v2/${path}`);
    assert.equal(status, 200, path);
    assert.equal((json[name] as unknown[]).length, want, path);
  }
  const errors = await api.send("GET", "/api/v2/importErrors");
  const [error] = errors.json["import_errors"] as Record<string, unknown>[];
  const id = String(error?.["import_error_id"]);
  assert.equal((await api.send("GET", `/api/v2/importErrors/${id}`)).status, 200);
  await api.send("PATCH", "/api/v2/dags/first", { body: { is_paused: true } });
  const events = await api.send("GET", "/api/v2/eventLogs?event=dag.paused");
  const [event] = events.json["event_logs"] as Record<string, unknown>[];
  assert.equal(event?.["owner"], "admin");
  const one = `/api/v2/eventLogs/${String(event["event_log_id"])}`;
  assert.equal((await api.send("GET", one)).status, 200);
});

test("GET /assets/events: what was made, by whom, and for which runs", async () => {
  await using api = await openTestWorkflowApi();
  const source = { dagId: "d", runId: "r", taskId: "t", mapIndex: -1 };
  await saveAssetEvents(api.database, [
    { asset: "orders", at: 1_000, extra: { rows: 7 }, source },
    { asset: "prices", at: 2_000, extra: {}, source: undefined },
  ]);
  const path = "/api/v2/assets/events";
  const { json, text } = await api.send("GET", path);
  assert.equal(json["total_entries"], 2, text);
  const [first] = json["asset_events"] as Record<string, unknown>[];
  assert.deepEqual([first?.["name"], first?.["source_task_id"]], ["orders", "t"]);
  assert.deepEqual(first?.["extra"], { rows: 7 });
  const some = await api.send("GET", `${path}?source_dag_id=d&timestamp_gte=1970-01-01T00:00:00Z`);
  assert.equal(some.json["total_entries"], 1);
});
