// Outputs that are too large for the database, in a storage that speaks S3.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "#testing/eventually.ts";
import { s3Keys, S3Server } from "#testing/s3-server.ts";
import { WorkflowProcess } from "#testing/workflow-process.ts";

const boundMs = 60_000;
const workflows = new WorkflowProcess();
let storage: S3Server;

const file = `import { dag, task } from "gantry/workflows";
export const large = dag("large", { isPausedUponCreation: false }, () => {
  const many = task("many", () => Array.from({ length: 3 }, (_, at) => String(at).repeat(900_000)))();
  const small = task("small", () => "small")();
  const length = task("length", (input: { text: string }) => input.text.length);
  const pushed = task("pushed", async (_, it) => { await it.outputs.push("own", "x".repeat(2_000)); })();
  task("sum", async (input: { lengths: number[]; all: string[]; small: string }, it) => {
    const own = await it.outputs.pull("pushed", "own");
    return [...input.lengths, input.all[2]?.[0], input.small, String(own).length];
  })({ lengths: length.expand({ text: many }), all: many, small }).after(pushed);
});`;

before(async () => {
  storage = await S3Server.start();
  writeFileSync(join(workflows.dags, "large.ts"), file);
  const extra = JSON.stringify({ endpoint_url: storage.url });
  const connection = { conn_type: "aws", login: s3Keys.accessKeyId, extra };
  const json = JSON.stringify({ ...connection, password: s3Keys.secretAccessKey });
  workflows.gantry("connections", "add", "store", "--conn-json", json);
  const prefix = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_";
  workflows.start({
    [`${prefix}PATH`]: "s3://store@bucket/xcom",
    [`${prefix}THRESHOLD`]: "1000",
    [`${prefix}COMPRESSION`]: "gzip",
  });
});

after(async () => {
  await workflows[Symbol.asyncDispose]();
  await storage[Symbol.asyncDispose]();
});

function objects(): string[] {
  return [...storage.objects.keys()].map((it) => it.replace(/[^/]+$/, "")).sort();
}

test(
  "objects: large outputs are kept in S3, and go with what they belong to",
  { timeout: 180_000 },
  async () => {
    await eventually(() => workflows.gantry("dags", "trigger", "large", "-r", "one"), boundMs);
    await eventually(() => {
      const rows = workflows.rows("tasks", "outputs", "large", "one");
      const found = Object.fromEntries(
        rows.map((it): [string, unknown] => [String(it["task_id"]), it["value"]]),
      );
      assert.deepEqual(found["sum"], [900_000, 900_000, 900_000, "2", "small", 2_000]);
      assert.equal(found["small"], "small");
      assert.match(
        String(found["many"]),
        /^s3:\/\/store@bucket\/xcom\/large\/one\/many\/.*\.json\.gz$/,
      );
    }, boundMs);
    const kept = ["/bucket/xcom/large/one/many/", "/bucket/xcom/large/one/pushed/"];
    assert.deepEqual(objects(), kept);
    const [before] = [...storage.objects.keys()].filter((it) => it.includes("/many/"));

    // A new try puts another object in the place of the old one.
    workflows.gantry("tasks", "clear", "large", "-r", "one", "-t", "^many$", "--yes");
    await eventually(() => {
      assert.deepEqual(objects(), kept);
      assert.ok(before !== undefined && !storage.objects.has(before), "the first object is gone");
    }, boundMs);
    await eventually(() => {
      assert.equal(workflows.rows("dags", "list-runs", "large")[0]?.["state"], "success");
    }, boundMs);
    workflows.gantry("runs", "delete", "large", "one");
    await eventually(() => {
      assert.deepEqual(objects(), []);
    }, boundMs);
  },
);
