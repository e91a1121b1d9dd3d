import assert from "node:assert/strict";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { openTestWorkflowApi, type TestWorkflowApi } from "#testing/workflow-api.ts";

async function withDags(): Promise<TestWorkflowApi> {
  const api = await openTestWorkflowApi();
  const schedule = { schedule: "@daily", startDate: "2026-01-01" };
  for (const id of ["shop_load", "shop_sum", "other"]) {
    const tags = id === "other" ? ["misc"] : ["shop", id];
    await api.addDag(
      dag(id, { ...schedule, tags, description: `of ${id}` }, () => {
        bash("one", { command: "true", owner: id });
      }),
      `${id}.ts`,
    );
  }
  return api;
}

test("GET /dags: pages, filters and order", async () => {
  await using api = await withDags();
  await api.send("PATCH", "/api/v2/dags/other", { body: { is_paused: true } });
  const cases: [query: string, want: string][] = [
    ["", "other shop_load shop_sum of 3"],
    ["limit=1", "other of 3"],
    ["limit=1&offset=2", "shop_sum of 3"],
    ["order_by=-dag_id", "shop_sum shop_load other of 3"],
    ["dag_id_pattern=SHOP", "shop_load shop_sum of 2"],
    ["dag_id_pattern=load|other", "other shop_load of 2"],
    ["dag_id_prefix_pattern=shop_s", "shop_sum of 1"],
    ["tags=shop&tags=shop_sum", "shop_load shop_sum of 2"],
    ["tags=shop&tags=shop_sum&tags_match_mode=all", "shop_sum of 1"],
    ["tags=sh%25", " of 0"],
    ["owners=other", "other of 1"],
    ["paused=true", "other of 1"],
    ["last_dag_run_state=failed", " of 0"],
  ];
  for (const [query, want] of cases) {
    const { status, json } = await api.send("GET", `/api/v2/dags?${query}`);
    assert.equal(status, 200, query);
    const ids = (json["dags"] as { dag_id: string }[]).map((it) => it.dag_id);
    assert.equal(`${ids.join(" ")} of ${String(json["total_entries"])}`, want, query);
  }
  assert.equal((await api.send("GET", "/api/v2/dags?order_by=hash")).status, 400);
  assert.equal((await api.send("GET", "/api/v2/dags?limit=x")).status, 422);
});

test("/dags/{dag_id}: shown, paused and deleted", async () => {
  await using api = await withDags();
  const { json } = await api.send("GET", "/api/v2/dags/shop_load/details");
  assert.equal(json["fileloc"], "/dags/shop_load.ts");
  assert.equal(json["description"], "of shop_load");
  assert.equal(json["start_date"], "2026-01-01T00:00:00Z");
  assert.deepEqual(json["owners"], ["shop_load"]);
  const paused = await api.send("PATCH", "/api/v2/dags/shop_load", { body: { is_paused: true } });
  assert.equal(paused.json["is_paused"], true);
  const bad = await api.send("PATCH", "/api/v2/dags/shop_load", { body: { is_paused: "x", y: 1 } });
  assert.equal(bad.status, 422);
  const masked = "/api/v2/dags/shop_load?update_mask=description";
  assert.equal((await api.send("PATCH", masked, { body: { is_paused: true } })).status, 400);
  assert.equal((await api.send("DELETE", "/api/v2/dags/shop_load")).status, 204);
  const gone = await api.send("GET", "/api/v2/dags/shop_load");
  assert.equal(gone.status, 404);
  assert.deepEqual(gone.json, { detail: "The Dag with ID: `shop_load` was not found" });
});

test("/dagRuns: triggered, listed, marked and deleted", async () => {
  await using api = await withDags();
  const runs = "/api/v2/dags/other/dagRuns";
  const body = { logical_date: "2026-02-03T00:00:00+01:00", conf: { a: 1 }, note: "why" };
  const made = await api.send("POST", runs, { body: { ...body, dag_run_id: "one" } });
  assert.equal(made.status, 200, made.text);
  assert.equal(made.json["logical_date"], "2026-02-02T23:00:00Z");
  assert.equal(made.json["note"], "why");
  assert.equal(made.json["triggered_by"], "rest_api");
  assert.equal(made.json["triggering_user_name"], "admin");
  const twice = await api.send("POST", runs, { body: { ...body, dag_run_id: "one" } });
  assert.equal(twice.status, 409);
  assert.equal((await api.send("POST", runs, { body: {} })).status, 422);
  const named = await api.send("POST", runs, { body: { logical_date: null } });
  assert.match(String(named.json["dag_run_id"]), /^manual__/);
  const cases: [query: string, want: number][] = [
    ["", 2],
    ["?state=queued&run_type=manual", 2],
    ["?state=failed", 0],
    ["?logical_date_lte=2026-02-03T00:00:00Z", 1],
    ["?run_id_pattern=on%25", 1],
    ["?conf_contains=%22a%22", 1],
  ];
  for (const [query, want] of cases) {
    const { json } = await api.send("GET", `/api/v2/dags/~/dagRuns${query}`);
    assert.equal(json["total_entries"], want, query);
  }
  const unknown = await api.send("GET", "/api/v2/dags/~/dagRuns?state=purple");
  assert.equal(unknown.status, 422);
  assert.deepEqual(unknown.json, {
    detail: "Invalid value for state. Valid values are queued, running, success, failed",
  });
  const batch = { dag_ids: ["other"], states: ["queued"], order_by: "-run_id", page_limit: 1 };
  const listed = await api.send("POST", "/api/v2/dags/~/dagRuns/list", { body: batch });
  assert.equal(listed.json["total_entries"], 2);
  const failed = await api.send("PATCH", `${runs}/one`, { body: { state: "failed", note: "no" } });
  assert.deepEqual([failed.json["state"], failed.json["note"]], ["failed", "no"]);
  assert.equal((await api.send("DELETE", `${runs}/one`)).status, 204);
  assert.equal((await api.send("GET", `${runs}/one`)).status, 404);
});

test("/variables: made, changed, masked, many at a time", async () => {
  await using api = await openTestWorkflowApi();
  const path = "/api/v2/variables";
  const made = await api.send("POST", path, { body: { key: "a/b", value: { n: 1 } } });
  assert.equal(made.status, 201);
  assert.equal((await api.send("POST", path, { body: { key: "a/b", value: "" } })).status, 409);
  const one = `${path}/a%2Fb`;
  const changed = await api.send("PATCH", `${one}?update_mask=description`, {
    body: { key: "a/b", value: "lost", description: "new" },
  });
  assert.deepEqual([changed.json["value"], changed.json["description"]], ['{"n":1}', "new"]);
  const renamed = await api.send("PATCH", one, { body: { key: "c", value: "1" } });
  assert.equal(renamed.status, 400);
  await api.send("POST", path, { body: { key: "api_key", value: "hunter2" } });
  await api.send("POST", path, { body: { key: "plain", value: '{"password": "hunter2"}' } });
  const listed = await api.send("GET", path);
  assert.equal(listed.json["total_entries"], 3);
  assert.doesNotMatch(listed.text, /hunter2/);
  const bulk = await api.send("PATCH", path, {
    body: {
      actions: [
        { action: "create", entities: [{ key: "x", value: "1" }] },
        { action: "create", entities: [{ key: "x", value: "2" }] },
        { action: "delete", entities: ["a/b", "nothing"], action_on_non_existence: "skip" },
        { action: "update", entities: [{ key: "nothing", value: "2" }] },
      ],
    },
  });
  assert.deepEqual(bulk.json, {
    create: {
      success: ["x"],
      errors: [{ error: "The variables with these keys: {'x'} already exist.", status_code: 409 }],
    },
    update: {
      success: [],
      errors: [
        { error: "The variables with these keys: {'nothing'} were not found.", status_code: 404 },
      ],
    },
    delete: { success: ["a/b"], errors: [] },
  });
  assert.equal((await api.send("DELETE", `${path}/x`)).status, 204);
  assert.equal((await api.send("DELETE", `${path}/x`)).status, 404);
});

test("/backfills: ordered, shown, paused and cancelled; a dry run stores nothing", async () => {
  await using api = await withDags();
  const path = "/api/v2/backfills";
  const body = { dag_id: "other", from_date: "2026-01-01", to_date: "2026-01-03" };
  const dry = await api.send("POST", `${path}/dry_run`, { body });
  assert.equal(dry.json["total_entries"], 3, dry.text);
  const none = await api.send("GET", `${path}?dag_id=other`);
  assert.equal(none.json["total_entries"], 0);
  const made = await api.send("POST", path, { body: { ...body, max_active_runs: 1 } });
  assert.equal(made.status, 200, made.text);
  const id = Number(made.json["id"]);
  const cases: [method: string, path: string, body: object | undefined, want: number][] = [
    ["POST", path, body, 409],
    ["POST", path, { ...body, dag_id: "nothing" }, 404],
    ["POST", path, { ...body, dag_id: "shop_sum", from_date: "2026-01-09" }, 422],
    ["GET", path, undefined, 422],
    ["PUT", `${path}/${id}/pause`, undefined, 200],
    ["PUT", `${path}/${id}/unpause`, undefined, 200],
    ["PUT", `${path}/${id}/cancel`, undefined, 200],
    ["PUT", `${path}/${id}/cancel`, undefined, 409],
    ["GET", `${path}/${id + 1}`, undefined, 404],
  ];
  for (const [method, at, given, want] of cases) {
    const { status, text } = await api.send(method, at, { body: given });
    assert.equal(status, want, `${method} ${at}: ${text}`);
  }
  const shown = await api.send("GET", `${path}/${id}`);
  assert.notEqual(shown.json["completed_at"], null);
});
