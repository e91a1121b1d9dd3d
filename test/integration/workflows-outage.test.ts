// The database is gone for a while, with two schedulers, a worker of queues and running tasks: it
// costs no more than the while. GANTRY_OUTAGE_SECONDS makes it longer.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { numberOf } from "#sql/columns.ts";
import { openPostgres } from "#sql/postgres.ts";
import { eventually } from "#testing/eventually.ts";
import { PostgresProcess } from "#testing/postgres-process.ts";
import { notingCommand, WorkflowProcesses } from "#testing/workflow-processes.ts";

const isMissing = !existsSync("/usr/lib/postgresql");
const options = { skip: isMissing ? "needs postgresql" : false, timeout: 300_000 };
const boundMs = 60_000;
/** Longer than all silence that is taken for death. */
const outageSeconds = Number(process.env["GANTRY_OUTAGE_SECONDS"] ?? 15);
const kinds = ["Local", "Celery"];

let postgres: PostgresProcess;
let address: string;
let processes: WorkflowProcesses;

before(async () => {
  if (isMissing) return;
  postgres = await PostgresProcess.start();
  address = await postgres.create();
  processes = new WorkflowProcesses(
    address,
    (home) => `import { appendFileSync, existsSync } from "node:fs";
      import { bash, dag, task, type TaskContext } from "gantry/workflows";
      const asking = (kind: string) => async (_: object, context: TaskContext) => {
        appendFileSync("${home}/ran-asks-" + kind, "1\\n");
        while (!existsSync("${home}/go-asks")) await new Promise((done) => setTimeout(done, 100));
        return await context.variables.get("word");
      };
      ${kinds.map((kind) => dagOf(home, kind)).join("\n")}\n`,
  );
  processes.gantry("db", "migrate");
  processes.gantry("variables", "set", "word", "kept");
});

function dagOf(home: string, kind: string): string {
  return `export const dag${kind} = dag("${kind}", { isPausedUponCreation: false }, () => {
    const executor = "${kind}Executor";
    const waits = bash("waits", { command: "${notingCommand(home, `waits-${kind}`)}", executor });
    const asks = task("asks", { executor }, asking("${kind}"))({});
    bash("after", { command: "echo {{ ti.xcom_pull('asks') }}", executor }).after(waits, asks);
  });`;
}

after(async () => {
  if (isMissing) return;
  processes[Symbol.dispose]();
  await postgres[Symbol.asyncDispose]();
});

function start(data: string, port: number): void {
  const how = { data };
  processes.startScheduler(port, how, "--executor", "LocalExecutor,CeleryExecutor");
}

test("workflows: the database gone for a while costs the while", options, async () => {
  start("scheduler", 18_811);
  start("other", 18_812);
  processes.startWorker("worker", "default");
  for (const kind of kinds) {
    await eventually(() => processes.gantry("dags", "trigger", kind, "-r", "one"), boundMs);
  }
  await eventually(() => {
    for (const kind of kinds) {
      assert.deepEqual(processes.notes(`waits-${kind}`), ["1"]);
      assert.deepEqual(processes.notes(`asks-${kind}`), ["1"]);
    }
  }, boundMs);

  await postgres.crash();
  // What ends and what asks in the meantime waits; a worker that starts waits, too.
  processes.release("asks");
  for (const kind of kinds) processes.release(`waits-${kind}`);
  processes.startWorker("late", "default");
  await new Promise((done) => setTimeout(done, outageSeconds * 1_000));
  await postgres.again();

  const backAt = performance.now();
  await using database = openPostgres(address, { connections: 1 });
  await eventually(
    async () => {
      const [row] = await database.rows(
        "select count(*) as count from dag_run where state = 'success'",
      );
      assert.ok(row);
      assert.equal(numberOf(row, "count"), kinds.length);
    },
    boundMs,
    50,
  );
  const seconds = (performance.now() - backAt) / 1_000;
  console.log(`all runs ended ${seconds.toFixed(1)} s after ${outageSeconds} s without database`);
  for (const kind of kinds) {
    const once = "success in try 1";
    assert.deepEqual(processes.states(kind, "one"), { after: once, asks: once, waits: once });
    assert.deepEqual(processes.notes(`waits-${kind}`), ["1"]);
    assert.deepEqual(processes.notes(`asks-${kind}`), ["1"]);
  }
  const others = await database.rows(
    "select name from event where name in ('task.orphaned', 'task.adopted')",
  );
  assert.equal(others.length, 0, "nobody was taken for dead");
  assert.ok(seconds < 30, `${seconds} s`);
});
