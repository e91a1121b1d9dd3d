// Clearing, backfills, assets and callbacks, as users see them: the program from dist/, real workers.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventuallyFound, WorkflowProcess } from "#testing/workflow-process.ts";

const workflows = new WorkflowProcess();
const called = join(workflows.home, "called");

const file = `import { allOf, approval, asset, bash, dag, task } from "gantry/workflows";
import { appendFileSync, existsSync } from "node:fs";
const note = (line: string) => appendFileSync(${JSON.stringify(called)}, line + "\\n");
const raw = asset("raw");
const clean = asset("clean", { uri: "s3://shop/clean" });
const on = { isPausedUponCreation: false };
export const maker = dag("maker", on, () => {
  bash("raw", { command: "true", outlets: [raw] }).before(bash("clean", { command: "true", outlets: [clean] }));
});
export const reader = dag("reader", { ...on, schedule: allOf(raw, clean) }, () => {
  task("read", (_, it) => Object.keys(it.triggeringAssetEvents).sort())();
});
export const asks = dag("asks", on, () => {
  approval("release", { subject: "Release {{ ds }}?" }).before(bash("out", { command: "true" }));
});
export const daily = dag("daily", { ...on, schedule: "@daily" }, () => {
  bash("show", { command: "echo {{ ds }}" });
});
export const told = dag("told", {
  ...on,
  onSuccess: (it) => note("dag success " + it.runId),
  onFailure: (it) => note("dag failure " + it.runId + ": " + it.error?.message),
}, () => {
  task("dies", { onFailure: (it) => note("task failure " + it.taskId + ": " + it.error?.message) }, () => {
    if (!existsSync(${JSON.stringify(join(workflows.home, "mended"))})) process.kill(process.pid, "SIGKILL");
  })();
});
`;

/** The states of a DAG's runs when all have ended, the newest first. */
function ended(dag: string, count: number): string | undefined {
  const states = workflows.rows("dags", "list-runs", dag).map((it) => String(it["state"]));
  const isOver = states.every((it) => it === "success" || it === "failed");
  return isOver && states.length >= count ? states.join(" ") : undefined;
}

before(async () => {
  writeFileSync(join(workflows.dags, "all.ts"), file);
  workflows.start();
  await eventuallyFound("the DAGs", () =>
    workflows.rows("dags", "list").length === 5 ? true : undefined,
  );
});

after(async () => {
  await workflows[Symbol.asyncDispose]();
});

test(
  "assets: a DAG runs when others have made what it waits for",
  { timeout: 90_000 },
  async () => {
    workflows.gantry("assets", "materialize", "clean");
    await eventuallyFound("the reader's run", () => ended("reader", 1));
    const [run] = workflows.rows("dags", "list-runs", "reader");
    const [output] = workflows.rows("tasks", "outputs", "reader", String(run?.["run_id"]));
    assert.deepEqual(output?.["value"], ["clean", "raw"]);
    const [clean] = workflows.rows("assets", "list");
    assert.deepEqual([clean?.["producers"], clean?.["consumers"]], ["maker.clean", "reader"]);
  },
);

test("backfill: runs of past dates", { timeout: 90_000 }, async () => {
  const dates = ["--from-date", "2026-05-01", "--to-date", "2026-05-03"];
  const order = ["backfill", "create", "--dag-id", "daily", ...dates];
  assert.equal(workflows.rows(...order, "--dry-run").length, 3);
  workflows.gantry(...order, "--max-active-runs", "1");
  await eventuallyFound("the backfill's end", () =>
    workflows.rows("backfill", "list").some((it) => it["state"] === "completed") ? true : undefined,
  );
  const runs = workflows.rows("dags", "list-runs", "daily", "-e", "2026-05-03");
  assert.deepEqual(
    runs.map((it) => [String(it["run_id"]).slice(0, 20), it["state"]]),
    ["03", "02", "01"].map((day) => [`backfill__2026-05-${day}`, "success"]),
  );
});

test(
  "callbacks and clear: what was killed is told, and runs again",
  { timeout: 90_000 },
  async () => {
    const [run] = workflows.rows("dags", "trigger", "told", "-r", "first");
    assert.equal(run?.["dag_run_id"], "first");
    const lines = (count: number): string[] | undefined => {
      const text = existsSync(called) ? readFileSync(called, "utf8").trim().split("\n") : [];
      return text.length >= count ? text : undefined;
    };
    const failed = await eventuallyFound("the callbacks of a failure", () => lines(2));
    assert.match(
      failed[0] ?? "",
      /^task failure dies: the worker process ended \(signal SIGKILL\)/,
    );
    assert.equal(failed[1], "dag failure first: task dies failed");
    assert.match(
      workflows.gantry("tasks", "failed-deps", "told", "first", "dies"),
      /'failed' state/,
    );

    writeFileSync(join(workflows.home, "mended"), "");
    assert.match(workflows.gantry("tasks", "clear", "told", "--only-failed"), /add --yes/);
    workflows.gantry("tasks", "clear", "told", "--only-failed", "--yes");
    const mended = await eventuallyFound("the callback of a success", () => lines(3));
    assert.equal(mended[2], "dag success first");
    assert.equal(ended("told", 1), "success");
  },
);

test("approval: a task waits for people", { timeout: 90_000 }, async () => {
  workflows.gantry("dags", "trigger", "asks", "-r", "yes");
  workflows.gantry("dags", "trigger", "asks", "-r", "no");
  const questions = (): readonly Record<string, unknown>[] => workflows.rows("tasks", "questions");
  await eventuallyFound("the questions", () => (questions().length === 2 ? true : undefined));
  workflows.gantry("tasks", "answer", "asks", "yes", "release", "Approve", "--by", "anna");
  workflows.gantry("tasks", "answer", "asks", "no", "release", "Reject");
  await eventuallyFound("the runs' end", () => ended("asks", 2));
  const states = (run: string): unknown[] =>
    workflows.rows("tasks", "states-for-dag-run", "asks", run).map((it) => it["state"]);
  assert.deepEqual(states("yes"), ["success", "success"]);
  assert.deepEqual(states("no"), ["skipped", "success"]);
  const outputs = workflows.rows("tasks", "outputs", "asks", "yes");
  const output = outputs.find((it) => it["task_id"] === "release");
  assert.deepEqual(output?.["value"], { chosenOptions: ["Approve"], by: "anna" });
});
