// The workflow scheduler as users run it: the program from dist/, real worker processes, real files.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

const program = resolve("dist/gantry.js");
const home = mkdtempSync(join(tmpdir(), "gantry-workflows-"));
const dags = join(home, "dags");
let scheduler: ChildProcess | undefined;

function gantry(...args: readonly string[]): string {
  const where = ["--data-dir", join(home, "data")];
  const result = spawnSync(process.execPath, [program, ...args, ...where], {
    encoding: "utf8",
    maxBuffer: 32 * 1024 * 1024,
  });
  assert.equal(result.status, 0, `${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

function rows(...args: readonly string[]): readonly Record<string, unknown>[] {
  return JSON.parse(gantry(...args, "-o", "json")) as Record<string, unknown>[];
}

async function eventually<T>(what: string, look: () => T | undefined): Promise<T> {
  for (let left = 150; left > 0; left -= 1) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
  assert.fail(`${what} did not come about within 30 seconds`);
}

function start(): ChildProcess {
  const args = [program, "scheduler", "--data-dir", join(home, "data"), "--dags-folder", dags];
  return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
}

function stateOf(dag: string, run: string): string | undefined {
  const state = rows("dags", "list-runs", dag).find((it) => it["run_id"] === run)?.["state"];
  return state === "success" || state === "failed" ? state : undefined;
}

before(() => {
  mkdirSync(dags, { recursive: true });
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
  gantry("variables", "set", "api_key", "hunter2-hunter2");
  scheduler = start();
});

after(() => {
  scheduler?.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

test("workflows: files become DAGs; a broken one is named with its line", async () => {
  const ids = await eventually("the DAGs", () => {
    const found = rows("dags", "list").map((it) => it["dag_id"]);
    return found.length >= 5 ? found : undefined;
  });
  assert.deepEqual(ids, ["load_orders", "load_people", "long", "odd", "shop"]);
  const result = spawnSync(
    process.execPath,
    [program, "dags", "list-import-errors", "-o", "json", "--data-dir", join(home, "data")],
    { encoding: "utf8" },
  );
  assert.match(result.stdout, /broken\.ts:3/);
  assert.match(result.stdout, /bad cron expression/);
  assert.match(result.stdout, /wrong\.dag\.yaml:4:17: unknown operator 'bosh'/);
});

test("workflows: the example runs, with mapping, a branch, a group and a teardown", async () => {
  gantry("dags", "unpause", "shop");
  gantry("dags", "trigger", "shop", "-r", "mine", "-l", "2026-05-10T00:00:00Z");
  assert.equal(await eventually("the run's end", () => stateOf("shop", "mine")), "success");
  const states = rows("tasks", "states-for-dag-run", "shop", "mine").map(
    (it) => `${String(it["task_id"])}[${String(it["map_index"])}]=${String(it["state"])}`,
  );
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
  const outputs = rows("tasks", "outputs", "shop", "mine");
  assert.equal(outputs.find((it) => it["task_id"] === "total")?.["value"], 127.5);
  assert.match(
    gantry("tasks", "logs", "shop", "mine", "report.celebrate"),
    /a good day: 2026-05-10/,
  );
});

test("workflows: what goes wrong is said at its place, and the others run on", async () => {
  gantry("dags", "trigger", "odd", "-r", "mine");
  assert.equal(await eventually("the run's end", () => stateOf("odd", "mine")), "failed");
  const states = new Map(
    rows("tasks", "states-for-dag-run", "odd", "mine").map((it) => [
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
    gantry("tasks", "logs", "odd", "mine", "prints"),
    /bytes beyond 10485760 were dropped/,
  );
  const log = gantry("tasks", "logs", "odd", "mine", "secret");
  assert.match(log, /key is \*\*\*/);
  assert.doesNotMatch(log, /hunter2/);
});

test("workflows: a killed scheduler's work goes on when it is started again", async () => {
  gantry("dags", "trigger", "long", "-r", "mine");
  await eventually("the first task", () =>
    rows("tasks", "states-for-dag-run", "long", "mine").find((it) => it["state"] === "running"),
  );
  scheduler?.kill("SIGKILL");
  scheduler = start();
  assert.equal(await eventually("the run's end", () => stateOf("long", "mine")), "success");
  const [one] = rows("tasks", "states-for-dag-run", "long", "mine");
  assert.equal(one?.["try_number"], 2, "it ran again, once");
});

test("workflows: a changed file is a new version within a second or so", async () => {
  writeFileSync(
    join(dags, "long.ts"),
    `import { bash, dag } from "gantry/workflows";
     export const long = dag("long", { schedule: "@weekly" }, () => { bash("only", { command: "true" }); });\n`,
  );
  await eventually("the new version", () =>
    gantry("tasks", "list", "long") === "only\n" ? true : undefined,
  );
});

test("workflows: DAGs from YAML, one for each file of a folder", async () => {
  gantry("dags", "unpause", "load_orders");
  gantry("dags", "trigger", "load_orders", "-r", "mine", "-l", "2026-05-10T00:00:00Z");
  assert.equal(await eventually("the run's end", () => stateOf("load_orders", "mine")), "success");
  const values = rows("tasks", "outputs", "load_orders", "mine").map(
    (it) => `${String(it["task_id"])}=${String(it["value"])}`,
  );
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
  await eventually("a DAG for a new file", () =>
    rows("dags", "list").find((it) => it["dag_id"] === "load_prices"),
  );
});

test("workflows: a file that never ends is given up and named; the others were read", async () => {
  const errors = (): string => {
    const args = ["dags", "list-import-errors", "-o", "json", "--data-dir", join(home, "data")];
    return spawnSync(process.execPath, [program, ...args], { encoding: "utf8" }).stdout;
  };
  const found = await eventually("the error", () => {
    const said = errors();
    return said.includes("looping.ts") ? said : undefined;
  });
  assert.match(found, /reading the file took longer than 30 seconds/);
  rmSync(join(dags, "looping.ts"));
});

test("workflows: a DAG is tried out in one process, and leaves nothing", () => {
  const before = rows("dags", "list-runs", "load_orders").length;
  const where = ["--data-dir", join(home, "data"), "--dags-folder", dags];
  const good = spawnSync(
    process.execPath,
    [program, "dags", "test", "load_orders", "2026-05-11", "-o", "plain", ...where],
    { encoding: "utf8" },
  );
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /INFO - orders-2026-05-11 at most 100/);
  assert.match(good.stdout, /checks\.column +1 +success +1/);
  assert.match(good.stderr, /broken\.ts:3: DAG b: bad cron expression/);
  const bad = spawnSync(
    process.execPath,
    [program, "dags", "test", "load_orders", "-c", '{"limit": 0}', ...where],
    { encoding: "utf8" },
  );
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /Invalid input for param limit: 0 is less than 1/);
  const rendered = gantry("tasks", "render", "load_orders", "load", "mine", "--dags-folder", dags);
  assert.match(rendered, /property: command\n.*\necho orders-2026-05-10 at most 100/);
  assert.equal(rows("dags", "list-runs", "load_orders").length, before);
});
