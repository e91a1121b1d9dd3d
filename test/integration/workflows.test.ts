// The workflow scheduler as users run it: the program from dist/, real worker processes, real files.
import assert from "node:assert/strict";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventuallyFound, WorkflowProcess } from "#testing/workflow-process.ts";

const workflows = new WorkflowProcess();
const { dags } = workflows;

function stateOf(dag: string, run: string): string | undefined {
  const state = workflows.rows("dags", "list-runs", dag).find((it) => it["run_id"] === run)?.[
    "state"
  ];
  return state === "success" || state === "failed" ? state : undefined;
}

before(() => {
  cpSync("examples/dags", dags, { recursive: true });
  writeFileSync(
    join(dags, "broken.ts"),
    'import { dag } from "gantry/workflows";\n\nexport const b = dag("b", { schedule: "61 * * * *" }, () => {});\n',
  );
  writeFileSync(
    join(dags, "odd.ts"),
    `import { bash, dag, sql, task } from "gantry/workflows";
     export const odd = dag("odd", { isPausedUponCreation: false, maxActiveTasks: 8 }, () => {
       bash("slow", { command: "sleep 60", executionTimeout: "1s" });
       task("loops", { executionTimeout: "1s" }, () => { for (;;); })();
       task("throws", { retries: 1, retryDelay: "0s" }, () => { throw new Error("not today"); })();
       task("prints", () => { for (let at = 0; at < 300_000; at += 1) console.log("line", at, "x".repeat(60)); })();
       task("secret", async (_, { variables }) => { console.log("key is", await variables.get("api_key")); })();
       sql("lost", { connection: "nowhere", sql: "select 1" });
       task("huge", () => "x".repeat(2_000_000))();
     });\n`,
  );
  writeFileSync(
    join(dags, "long.ts"),
    `import { bash, dag, chain } from "gantry/workflows";
     export const long = dag("long", { isPausedUponCreation: false }, () => {
       chain(bash("one", { command: "sleep 3" }), bash("two", { command: "echo {{ ds }}" }));
     });\n`,
  );
  writeFileSync(join(dags, "looping.ts"), 'import "gantry/workflows";\nfor (;;);\n');
  writeFileSync(
    join(dags, "wrong.dag.yaml"),
    "wrong:\n  tasks:\n    first:\n      operator: bosh\n",
  );
  workflows.gantry("variables", "set", "api_key", "hunter2-hunter2");
  workflows.start();
});

after(async () => {
  await workflows[Symbol.asyncDispose]();
});

test("workflows: files become DAGs; a broken one is named with its line", async () => {
  const ids = await eventuallyFound("the DAGs", () => {
    const found = workflows.rows("dags", "list").map((it) => it["dag_id"]);
    return found.length >= 6 ? found : undefined;
  });
  assert.deepEqual(ids, ["load_orders", "load_people", "long", "odd", "shop", "working_days"]);
  const result = workflows.command("dags", "list-import-errors", "-o", "json");
  assert.match(result.stdout, /broken\.ts:3/);
  assert.match(result.stdout, /bad cron expression/);
  assert.match(result.stdout, /wrong\.dag\.yaml:4:17: unknown operator 'bosh'/);
});

test("workflows: the example runs, with mapping, a branch, a group and a teardown", async () => {
  workflows.gantry("dags", "unpause", "shop");
  workflows.gantry("dags", "trigger", "shop", "-r", "mine", "-l", "2026-05-10T00:00:00Z");
  assert.equal(await eventuallyFound("the run's end", () => stateOf("shop", "mine")), "success");
  const states = workflows
    .rows("tasks", "states-for-dag-run", "shop", "mine")
    .map((it) => `${String(it["task_id"])}[${String(it["map_index"])}]=${String(it["state"])}`);
  assert.deepEqual(states, [
    "connect[null]=success",
    "disconnect[null]=success",
    "extract[0]=success",
    "extract[1]=success",
    "extract[2]=success",
    "judge[null]=success",
    "report.celebrate[null]=success",
    "report.console[null]=skipped",
    "report.done[null]=success",
    "total[null]=success",
  ]);
  const outputs = workflows.rows("tasks", "outputs", "shop", "mine");
  assert.equal(outputs.find((it) => it["task_id"] === "total")?.["value"], 127.5);
  assert.match(
    workflows.gantry("tasks", "logs", "shop", "mine", "report.celebrate"),
    /a good day: 2026-05-10/,
  );
});

test("workflows: what goes wrong is said at its place, and the others run on", async () => {
  workflows.gantry("dags", "trigger", "odd", "-r", "mine");
  assert.equal(await eventuallyFound("the run's end", () => stateOf("odd", "mine")), "failed");
  const states = new Map(
    workflows
      .rows("tasks", "states-for-dag-run", "odd", "mine")
      .map((it) => [
        it["task_id"],
        `${String(it["state"])} after ${String(it["try_number"])}: ${String(it["reason"])}`,
      ]),
  );
  assert.match(states.get("slow") ?? "", /^failed after 1: .*execution timeout of 1000 ms/);
  assert.match(states.get("loops") ?? "", /^failed after 1: .*execution timeout of 1000 ms/);
  assert.match(states.get("throws") ?? "", /^failed after 2: not today/);
  assert.match(states.get("huge") ?? "", /^failed after 1: the result has 2000002 bytes/);
  assert.match(states.get("lost") ?? "", /^failed after 1: connection nowhere is not set: gantry/);
  assert.match(states.get("prints") ?? "", /^success/);
  assert.match(
    workflows.gantry("tasks", "logs", "odd", "mine", "prints"),
    /bytes beyond 10485760 were dropped/,
  );
  const log = workflows.gantry("tasks", "logs", "odd", "mine", "secret");
  assert.match(log, /key is \*\*\*/);
  assert.doesNotMatch(log, /hunter2/);
});

test("workflows: a killed scheduler's work goes on when it is started again", async () => {
  workflows.gantry("dags", "trigger", "long", "-r", "mine");
  await eventuallyFound("the first task", () =>
    workflows
      .rows("tasks", "states-for-dag-run", "long", "mine")
      .find((it) => it["state"] === "running"),
  );
  await workflows.end("SIGKILL");
  workflows.start();
  assert.equal(await eventuallyFound("the run's end", () => stateOf("long", "mine")), "success");
  const [one] = workflows.rows("tasks", "states-for-dag-run", "long", "mine");
  assert.equal(one?.["try_number"], 2, "it ran again, once");
});

test("workflows: a changed file is a new version within a second or so", async () => {
  writeFileSync(
    join(dags, "long.ts"),
    `import { bash, dag } from "gantry/workflows";
     export const long = dag("long", { schedule: "@weekly" }, () => { bash("only", { command: "true" }); });\n`,
  );
  await eventuallyFound("the new version", () =>
    workflows.gantry("tasks", "list", "long") === "only\n" ? true : undefined,
  );
});

test("workflows: DAGs from YAML, one for each file of a folder", async () => {
  workflows.gantry("dags", "unpause", "load_orders");
  workflows.gantry("dags", "trigger", "load_orders", "-r", "mine", "-l", "2026-05-10T00:00:00Z");
  assert.equal(
    await eventuallyFound("the run's end", () => stateOf("load_orders", "mine")),
    "success",
  );
  const values = workflows
    .rows("tasks", "outputs", "load_orders", "mine")
    .map((it) => `${String(it["task_id"])}=${String(it["value"])}`);
  assert.deepEqual(values, [
    "checks.column=id of orders-2026-05-10",
    "checks.column=amount of orders-2026-05-10",
    "extract=orders-2026-05-10",
    "load=orders-2026-05-10 at most 100",
    "wanted=true",
  ]);
  writeFileSync(
    join(dags, "tables", "prices.yaml"),
    'table: prices\nschedule: null\ncolumns: ["true"]\n',
  );
  await eventuallyFound("a DAG for a new file", () =>
    workflows.rows("dags", "list").find((it) => it["dag_id"] === "load_prices"),
  );
});

test("workflows: a file that never ends is given up and named; the others were read", async () => {
  const found = await eventuallyFound("the error", () => {
    const said = workflows.command("dags", "list-import-errors", "-o", "json").stdout;
    return said.includes("looping.ts") ? said : undefined;
  });
  assert.match(found, /reading the file took longer than 30 seconds/);
  rmSync(join(dags, "looping.ts"));
});

test("workflows: a DAG is tried out in one process, and leaves nothing", () => {
  const before = workflows.rows("dags", "list-runs", "load_orders").length;
  const tried = ["dags", "test", "load_orders", "--dags-folder", dags];
  const good = workflows.command(...tried, "2026-05-11", "-o", "plain");
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /INFO - orders-2026-05-11 at most 100/);
  assert.match(good.stdout, /checks\.column +1 +success +1/);
  assert.match(good.stderr, /broken\.ts:3: DAG b: bad cron expression/);
  const bad = workflows.command(...tried, "-c", '{"limit": 0}');
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /Invalid input for param limit: 0 is less than 1/);
  const rendered = workflows.gantry(
    "tasks",
    "render",
    "load_orders",
    "load",
    "mine",
    "--dags-folder",
    dags,
  );
  assert.match(rendered, /property: command\n.*\necho orders-2026-05-10 at most 100/);
  assert.equal(workflows.rows("dags", "list-runs", "load_orders").length, before);
});
