import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dag } from "#dag/authoring/dag.ts";
import { bash } from "#dag/authoring/operators.ts";
import { openTestWorkflowApi } from "#testing/workflow-api.ts";
import { saveBundle, setImportError } from "#workflows/state/dags.ts";
import { insertInstances, newInstance } from "#workflows/state/instances.ts";
import { addScheduler } from "#workflows/state/jobs.ts";

/** The fields of Airflow 3.3's answers with their JSON types; `?` after a name: it may be left out. */
const shapes = JSON.parse(
  readFileSync(new URL("./cases/shapes.json", import.meta.url), "utf8"),
) as Record<string, Record<string, string>>;

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value;
}

/** What is wrong with an answer, by field. */
function problems(shape: Record<string, string>, answer: Record<string, unknown>): string[] {
  const known = new Map(Object.entries(shape).map(([name, it]) => [name.replace("?", ""), it]));
  const foreign = Object.keys(answer).filter((it) => !known.has(it));
  const wrong = [...known].flatMap(([name, kinds]) => {
    if (!Object.hasOwn(answer, name)) return Object.hasOwn(shape, name) ? [`no ${name}`] : [];
    const kind = kindOf(answer[name]);
    const fits = [kind, kind === "integer" ? "number" : kind, "any"];
    const isRight = kinds.split("|").some((it) => fits.includes(it));
    return isRight ? [] : [`${name} is ${kind}, not ${kinds}`];
  });
  return [...foreign.map((it) => `${it} is unknown`), ...wrong];
}

/** An operation, where the thing is in its answer, and what it must look like. */
const cases: [path: string, at: string | undefined, shape: string][] = [
  ["dags", "dags", "DAGResponse"],
  ["dags/d", undefined, "DAGResponse"],
  ["dags/d/details", undefined, "DAGDetailsResponse"],
  ["dags/d/dagRuns", "dag_runs", "DAGRunResponse"],
  ["dags/d/dagVersions", "dag_versions", "DagVersionResponse"],
  ["dags/d/tasks", "tasks", "TaskResponse"],
  ["dags/d/dagRuns/r/taskInstances", "task_instances", "TaskInstanceResponse"],
  ["dags/d/dagRuns/r/taskInstances/t/tries", "task_instances", "TaskInstanceHistoryResponse"],
  ["dags/d/dagRuns/r/taskInstances/t/dependencies", "dependencies", "TaskDependencyResponse"],
  ["dags/d/dagRuns/r/taskInstances/t/xcomEntries/k", undefined, "XComResponseNative"],
  ["dagSources/d", undefined, "DAGSourceResponse"],
  ["dagStats", "dags", "DagStatsResponse"],
  ["dagWarnings", "dag_warnings", "DAGWarningResponse"],
  ["backfills?dag_id=d", "backfills", "BackfillResponse"],
  ["variables", "variables", "VariableResponse"],
  ["connections", "connections", "ConnectionResponse"],
  ["pools", "pools", "PoolResponse"],
  ["eventLogs", "event_logs", "EventLogResponse"],
  ["importErrors", "import_errors", "ImportErrorResponse"],
  ["jobs", "jobs", "JobResponse"],
  ["monitor/health", undefined, "HealthInfoResponse"],
  ["version", undefined, "VersionInfo"],
];

test("every answer has the fields of Airflow's, with their types, and no others", async () => {
  await using api = await openTestWorkflowApi();
  const model = dag("d", { schedule: "@daily", startDate: "2026-01-01", tags: ["x"] }, () => {
    bash("t", { command: "true", pool: "missing", executionTimeout: "90s" });
  });
  await api.addDag(model, "d.ts");
  await saveBundle(api.database, "bundle", { "d.ts": "// nothing\n" });
  await setImportError(api.database, "e.ts", { message: "no", line: 1 }, 1);
  await addScheduler(api.database, { id: "s", host: "h", pid: 1, startedAt: 1, seenAt: 1 });
  const posts: [path: string, body: object][] = [
    ["dags/d/dagRuns", { logical_date: null, dag_run_id: "r" }],
    ["variables", { key: "k", value: "v" }],
    ["connections", { connection_id: "c", conn_type: "http" }],
    ["backfills", { dag_id: "d", from_date: "2026-01-01", to_date: "2026-01-02" }],
  ];
  for (const [path, body] of posts) {
    const { status, text } = await api.send("POST", `/api/v2/${path}`, { body });
    assert.ok(status < 300, text);
  }
  const run = { dagId: "d", runId: "r", runAfter: 0 };
  const instances = model.model.tasks.map((it) => ({ ...newInstance(run, it, -1), tryNumber: 1 }));
  await insertInstances(api.database, instances);
  const xcoms = "/api/v2/dags/d/dagRuns/r/taskInstances/t/xcomEntries";
  await api.send("POST", xcoms, { body: { key: "k", value: 1 } });
  for (const [path, at, name] of cases) {
    const { json, status } = await api.send("GET", `/api/v2/${path}`);
    assert.equal(status, 200, path);
    const found = at === undefined ? json : (json[at] as Record<string, unknown>[])[0];
    const shape = shapes[name];
    assert.ok(found !== undefined && shape !== undefined, `${path} shows something`);
    assert.deepEqual(problems(shape, found), [], path);
  }
});
