import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { approval } from "#dag/authoring/approval.ts";
import { asset } from "#dag/authoring/asset.ts";
import { dag } from "#dag/authoring/dag.ts";
import { group } from "#dag/authoring/draft.ts";
import { bash, empty } from "#dag/authoring/operators.ts";
import { expand } from "#dag/authoring/task.ts";
import { airflowOperations, notServed, shapeProblems } from "#testing/airflow-shapes.ts";
import { openTestWorkflowApi, type TestWorkflowApi } from "#testing/workflow-api.ts";
import { logFileOf } from "#workflows/scheduler/jobs.ts";
import { saveApproval } from "#workflows/state/approvals.ts";
import { saveBundle, setImportError } from "#workflows/state/dags.ts";
import { insertInstances, newInstance } from "#workflows/state/instances.ts";
import { addScheduler } from "#workflows/state/jobs.ts";
import { numberFor } from "./shapes/values.ts";

/** One call: what stands for the path's variables, and what is sent. */
interface Call {
  readonly operation: string;
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: string;
  readonly body?: unknown;
  /** Where another than 2xx is right. */
  readonly status?: number;
  readonly accept?: string;
}

const d = { dag_id: "d" };
const r = { ...d, dag_run_id: "r" };
const t = { ...r, task_id: "g.t" };
const t1 = { ...t, map_index: -1 };
const ask = { ...r, task_id: "ask", map_index: -1 };
const rawId = { asset_id: numberFor("raw") };
const runs = "/dags/{dag_id}/dagRuns";
const run = `${runs}/{dag_run_id}`;
const instances = `${run}/taskInstances`;
const instance = `${instances}/{task_id}`;
const mapped = `${instance}/{map_index}`;
const group1 = { ...r, group_id: "g" };
const groups = `${run}/taskGroupInstances/{group_id}`;
const xcom = { ...t, xcom_key: "k" };
const failed = { new_state: "failed", note: "by hand" };
function update(entity: object): object {
  return { actions: [{ action: "update", entities: [entity] }] };
}

/** Every operation, in an order in which each finds what it needs. */
const calls: readonly Call[] = [
  { operation: "GET /version" },
  { operation: "GET /monitor/health" },
  { operation: "GET /config" },
  {
    operation: "GET /config/section/{section}/option/{option}",
    path: { section: "s", option: "o" },
  },
  { operation: "GET /plugins" },
  { operation: "GET /plugins/importErrors" },
  { operation: "GET /providers" },
  { operation: "GET /jobs" },
  { operation: "GET /importErrors" },
  {
    operation: "GET /importErrors/{import_error_id}",
    path: { import_error_id: numberFor("broken.ts") },
  },
  { operation: "GET /dags", query: "?has_asset_schedule=false" },
  { operation: "PATCH /dags", query: "?dag_id_pattern=d", body: { is_paused: false } },
  { operation: "GET /dags/{dag_id}", path: d },
  { operation: "GET /dags/{dag_id}/details", path: d },
  { operation: "PATCH /dags/{dag_id}", path: d, body: { is_paused: false } },
  { operation: "POST /dags/{dag_id}/favorite", path: d },
  { operation: "POST /dags/{dag_id}/unfavorite", path: d },
  { operation: "GET /dags/{dag_id}/tasks", path: d },
  { operation: "GET /dags/{dag_id}/tasks/{task_id}", path: t },
  { operation: "GET /dags/{dag_id}/dagVersions", path: d },
  {
    operation: "GET /dags/{dag_id}/dagVersions/{version_number}",
    path: { ...d, version_number: 1 },
  },
  { operation: "GET /dagSources/{dag_id}", path: d },
  { operation: "GET /dagStats" },
  { operation: "GET /dagTags" },
  { operation: "GET /dagWarnings" },
  {
    operation: "PUT /parseDagFile/{file_token}",
    path: { file_token: Buffer.from("d.ts").toString("base64url") },
  },
  { operation: `POST ${runs}`, path: d, body: { logical_date: null, dag_run_id: "more" } },
  { operation: `POST ${runs}`, path: d, body: { logical_date: null, dag_run_id: "other" } },
  { operation: `GET ${runs}`, path: d },
  { operation: `GET ${runs}`, path: d, query: "?cursor=&limit=1" },
  { operation: `POST ${runs}/list`, path: { dag_id: "~" }, body: { dag_ids: ["d"] } },
  { operation: `GET ${run}`, path: r },
  { operation: `PATCH ${run}`, path: r, body: { note: "said" } },
  { operation: `PATCH ${runs}`, path: d, body: update({ dag_run_id: "more", note: "n" }) },
  { operation: `GET ${run}/upstreamAssetEvents`, path: r },
  { operation: `GET ${instances}`, path: r },
  { operation: `GET ${instances}`, path: r, query: "?cursor=&limit=1" },
  { operation: `POST ${instances}/list`, path: { dag_id: "~", dag_run_id: "~" }, body: {} },
  { operation: `GET ${instance}`, path: t },
  { operation: `GET ${mapped}`, path: t1 },
  { operation: `GET ${instance}/listMapped`, path: { ...r, task_id: "each" } },
  { operation: `GET ${instance}/dependencies`, path: t },
  { operation: `GET ${mapped}/dependencies`, path: t1 },
  { operation: `GET ${instance}/tries`, path: t },
  { operation: `GET ${mapped}/tries`, path: t1 },
  { operation: `GET ${instance}/tries/{task_try_number}`, path: { ...t, task_try_number: 1 } },
  { operation: `GET ${mapped}/tries/{task_try_number}`, path: { ...t1, task_try_number: 1 } },
  { operation: `GET ${instance}/links`, path: t },
  { operation: `GET ${instance}/logs/{try_number}`, path: { ...t, try_number: 1 } },
  {
    operation: `GET ${instance}/externalLogUrl/{try_number}`,
    path: { ...t, try_number: 1 },
    status: 400,
  },
  { operation: `POST ${instance}/xcomEntries`, path: t, body: { key: "k", value: { a: 1 } } },
  { operation: `GET ${instance}/xcomEntries`, path: t },
  { operation: `GET ${instance}/xcomEntries/{xcom_key}`, path: xcom },
  { operation: `PATCH ${instance}/xcomEntries/{xcom_key}`, path: xcom, body: { value: 2 } },
  { operation: `DELETE ${instance}/xcomEntries/{xcom_key}`, path: xcom },
  { operation: `GET ${run}/hitlDetails`, path: r },
  { operation: `GET ${mapped}/hitlDetails`, path: ask },
  { operation: `GET ${mapped}/hitlDetails/tries/{try_number}`, path: { ...ask, try_number: 1 } },
  { operation: `PATCH ${mapped}/hitlDetails`, path: ask, body: { chosen_options: ["Approve"] } },
  { operation: `PATCH ${instance}/dry_run`, path: t, body: failed },
  { operation: `PATCH ${mapped}/dry_run`, path: t1, body: failed },
  { operation: `PATCH ${groups}/dry_run`, path: group1, body: failed },
  { operation: `PATCH ${instance}`, path: t, body: failed },
  { operation: `PATCH ${mapped}`, path: t1, body: { new_state: "success" } },
  { operation: `PATCH ${groups}`, path: group1, body: failed },
  {
    operation: `PATCH ${instances}`,
    path: r,
    body: update({ task_id: "each", new_state: "skipped" }),
  },
  { operation: "POST /dags/{dag_id}/clearTaskInstances", path: d, body: { dry_run: false } },
  {
    operation: "POST /dags/{dag_id}/clearDagRuns",
    path: d,
    body: { dag_runs: [{ dag_run_id: "r" }] },
  },
  {
    operation: "POST /dags/{dag_id}/clearDagRuns",
    path: d,
    body: { dag_runs: [{ dag_run_id: "r" }], dry_run: false },
  },
  { operation: `POST ${run}/clear`, path: r, body: { dry_run: true } },
  { operation: `POST ${run}/clear`, path: r, body: { dry_run: false } },
  { operation: `PATCH ${run}`, path: r, body: { state: "success" } },
  { operation: `GET ${run}/wait`, path: r, query: "?interval=0.1" },
  { operation: `DELETE ${instance}`, path: t },
  { operation: `DELETE ${run}`, path: r },
  { operation: "GET /assets" },
  { operation: "GET /assets/aliases" },
  {
    operation: "GET /assets/aliases/{asset_alias_id}",
    path: { asset_alias_id: numberFor("alias") },
  },
  { operation: "GET /assets/{asset_id}", path: rawId },
  { operation: "POST /assets/events", body: { asset_id: rawId.asset_id, extra: { rows: 3 } } },
  { operation: "GET /assets/events" },
  { operation: "GET /assets/{asset_id}/queuedEvents", path: rawId },
  { operation: "GET /dags/{dag_id}/assets/queuedEvents", path: { dag_id: "reader" } },
  {
    operation: "GET /dags/{dag_id}/assets/{asset_id}/queuedEvents",
    path: { dag_id: "reader", ...rawId },
  },
  { operation: "DELETE /assets/{asset_id}/queuedEvents", path: rawId },
  { operation: "POST /assets/events", body: { asset_id: rawId.asset_id } },
  { operation: "DELETE /dags/{dag_id}/assets/queuedEvents", path: { dag_id: "reader" } },
  { operation: "POST /assets/events", body: { asset_id: rawId.asset_id } },
  {
    operation: "DELETE /dags/{dag_id}/assets/{asset_id}/queuedEvents",
    path: { dag_id: "reader", ...rawId },
  },
  { operation: "POST /assets/{asset_id}/materialize", path: rawId },
  {
    operation: "POST /backfills",
    body: { dag_id: "daily", from_date: "2026-01-01", to_date: "2026-01-02" },
  },
  {
    operation: "POST /backfills/dry_run",
    body: { dag_id: "d2", from_date: "2026-01-01", to_date: "2026-01-02" },
  },
  { operation: "GET /backfills", query: "?dag_id=daily" },
  { operation: "GET /backfills/{backfill_id}", path: { backfill_id: 1 } },
  { operation: "PUT /backfills/{backfill_id}/pause", path: { backfill_id: 1 } },
  { operation: "PUT /backfills/{backfill_id}/unpause", path: { backfill_id: 1 } },
  { operation: "PUT /backfills/{backfill_id}/cancel", path: { backfill_id: 1 } },
  ...settings("variables", "variable_key", { key: "name", value: "v" }, "key"),
  ...settings("connections", "connection_id", { connection_id: "name", conn_type: "http" }),
  {
    operation: "POST /connections/test",
    body: { connection_id: "c", conn_type: "x" },
    status: 403,
  },
  ...settings("pools", "pool_name", { name: "name", slots: 2 }, "name"),
  { operation: "GET /eventLogs" },
  { operation: "GET /eventLogs/{event_log_id}", path: { event_log_id: 1 } },
  { operation: "DELETE /dags/{dag_id}", path: { dag_id: "d2" }, status: 204 },
];

/** All that is done with variables, connections and pools. */
function settings(
  plural: string,
  variable: string,
  body: Readonly<Record<string, string | number>>,
  id = variable,
): readonly Call[] {
  const one = `/${plural}/{${variable}}`;
  const path = { [variable]: "name" };
  const other = { ...body, [id]: "other" };
  return [
    { operation: `POST /${plural}`, body },
    {
      operation: `PATCH /${plural}`,
      body: { actions: [{ action: "create", entities: [other, body] }] },
    },
    { operation: `GET /${plural}` },
    { operation: `GET ${one}`, path },
    { operation: `PATCH ${one}`, path, body },
    { operation: `DELETE ${one}`, path },
  ];
}

async function fill(api: TestWorkflowApi, logsFolder: string): Promise<void> {
  const raw = asset("raw");
  const main = dag("d", { tags: ["x"] }, () => {
    group("g", () => bash("t", { command: "true", pool: "missing", outlets: [raw] }));
    approval("ask", { subject: "?" });
    expand(bash, "each", {}, { command: ["a", "b"] });
  });
  await api.addDag(main, "d.ts");
  await api.addDag(dag("reader", { schedule: [raw, asset("more")] }, () => empty("t")));
  for (const name of ["daily", "d2"]) {
    await api.addDag(dag(name, { schedule: "@daily", startDate: "2026-01-01" }, () => empty("t")));
  }
  const { database } = api;
  await database.run("insert into asset_alias_link (alias, asset) values ('alias', 'raw')");
  await database.run("update dag set paused = 0");
  await saveBundle(database, "bundle", { "d.ts": "// nothing\n" });
  await setImportError(database, "broken.ts", { message: "no", line: 1 }, 1);
  await addScheduler(database, { id: "s", host: "h", pid: 1, startedAt: 1, seenAt: 1 });
  const body = { logical_date: null, dag_run_id: "r" };
  assert.equal((await api.send("POST", "/api/v2/dags/d/dagRuns", { body })).status, 200);
  const of = { dagId: "d", runId: "r", runAfter: 0 };
  const made = main.model.tasks.map((it) => ({
    ...newInstance(of, it, it.expand === undefined ? -1 : 0),
    tryNumber: 1,
    state: "running" as const,
  }));
  await insertInstances(database, made);
  const asked = { dagId: "d", runId: "r", taskId: "ask", mapIndex: -1, tryNumber: 1 };
  const question = { subject: "?", body: undefined, options: ["Approve"], multiple: false };
  await saveApproval(database, { ...asked, ...question, askedAt: 5 });
  const file = logFileOf(logsFolder, { dagId: "d", runId: "r", taskId: "g.t", mapIndex: -1 }, 1);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "[2026-01-01T00:00:00.000Z] INFO - one\nplain\n");
}

test("every answer has the shape of Airflow's, with no fields but its own", async () => {
  const logsFolder = mkdtempSync(join(tmpdir(), "gantry-api-answers-"));
  const configuration = new Map([["s", new Map([["o", "v"]])]]);
  await using api = await openTestWorkflowApi({ logsFolder, configuration });
  await fill(api, logsFolder);
  for (const call of calls) {
    const [method = "", template = ""] = call.operation.split(" ");
    const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(call.path?.[name] ?? name),
    );
    const answer = await api.send(method, `/api/v2${path}${call.query ?? ""}`, { body: call.body });
    const operation = airflowOperations[call.operation];
    assert.ok(operation !== undefined, call.operation);
    const type = operation.answers[answer.status];
    const said = `${call.operation} ${answer.status} ${answer.text}`;
    if (call.status !== undefined) {
      assert.equal(answer.status, call.status, said);
      if (answer.status >= 400) assert.equal(typeof answer.json["detail"], "string", said);
      continue;
    }
    assert.ok(type !== undefined, said);
    if (type === "nothing") continue;
    assert.deepEqual(shapeProblems(type, JSON.parse(answer.text)), [], said);
  }
  rmSync(logsFolder, { recursive: true });
});

test("every operation that is served is called", () => {
  const refused = new Set(notServed.flatMap((it) => it.operations));
  const called = new Set(calls.map((it) => it.operation));
  const left = Object.keys(airflowOperations).filter((it) => !refused.has(it) && !called.has(it));
  assert.deepEqual(left, []);
});
