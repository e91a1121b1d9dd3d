import assert from "node:assert/strict";
import { test } from "node:test";
import type { AssetModel } from "#dag/assets/asset.ts";
import { silentLogger } from "#base/log.ts";
import { LineageEmitter } from "./emitter.ts";
import { lineageEvent } from "./run-event.ts";
import { lineageSettings } from "./settings.ts";

const names = { namespace: "shop", producer: "https://example.test/gantry" };
const task = { dagId: "d", runId: "r", taskId: "t", mapIndex: -1, tryNumber: 1, at: 1_000 };

const kinds: [name: string, want: string | undefined][] = [
  ["run.started", "START"],
  ["run.success", "COMPLETE"],
  ["task.running", "START"],
  ["task.up_for_retry", "FAIL"],
  ["task.skipped", "ABORT"],
  ["dag.paused", undefined],
];

for (const [name, want] of kinds) {
  test(`lineageEvent: ${name} -> ${String(want)}`, () => {
    assert.equal(lineageEvent({ ...task, name }, names)?.["eventType"], want);
  });
}

test("lineageEvent: start and end of a try are of one run, whose parent is the DAG's", () => {
  const start = lineageEvent({ ...task, name: "task.running" }, names);
  const end = lineageEvent({ ...task, name: "task.failed", extra: "no" }, names);
  const next = lineageEvent({ ...task, name: "task.running", tryNumber: 2 }, names);
  const whole = lineageEvent({ dagId: "d", runId: "r", at: 1, name: "run.started" }, names);
  const id = (it: typeof start): unknown => (it?.["run"] as { runId: string }).runId;
  assert.equal(id(start), id(end));
  assert.notEqual(id(start), id(next));
  assert.match(JSON.stringify(end), /"errorMessage":\{.*"message":"no"/);
  assert.match(JSON.stringify(start), new RegExp(`"parent":\\{.*${String(id(whole))}`));
  assert.equal((start?.["job"] as { name: string }).name, "d.t");
  assert.equal(start?.["eventTime"], "1970-01-01T00:00:01.000Z");
});

test("lineageEvent: what a task reads and makes are its datasets", () => {
  const asset = (name: string, uri: string): AssetModel => ({
    name,
    uri,
    group: "asset",
    extra: {},
  });
  const measured = { reads: [asset("raw", "s3://b/raw.csv")], makes: [asset("clean", "clean")] };
  const event = lineageEvent({ ...task, name: "task.success", measured }, names);
  assert.deepEqual(event?.["inputs"], [{ namespace: "s3://b", name: "raw.csv" }]);
  assert.deepEqual(event["outputs"], [{ namespace: "shop", name: "clean" }]);
});

const http = '{"type": "http", "url": "http://a:1/", "endpoint": "/in", "auth": {"apiKey": "k"}}';
const settings: [environment: Record<string, string>, want: string][] = [
  [{}, "none"],
  [{ OPENLINEAGE_URL: "http://a:1" }, "http://a:1/api/v1/lineage default"],
  [
    { AIRFLOW__OPENLINEAGE__TRANSPORT: http, AIRFLOW__OPENLINEAGE__NAMESPACE: "n" },
    "http://a:1/in n k",
  ],
  [{ OPENLINEAGE_URL: "http://a:1", AIRFLOW__OPENLINEAGE__DISABLED: "True" }, "none"],
  [{ AIRFLOW__OPENLINEAGE__TRANSPORT: '{"type": "kafka"}' }, "refused"],
  [{ AIRFLOW__OPENLINEAGE__TRANSPORT: "http" }, "refused"],
];

for (const [environment, want] of settings) {
  test(`lineageSettings: ${JSON.stringify(environment)} -> ${want}`, () => {
    let got: string;
    try {
      const it = lineageSettings(environment);
      const parts = [it?.url, it?.namespace, it?.apiKey].filter((part) => part !== undefined);
      got = it === undefined ? "none" : parts.join(" ");
    } catch {
      got = "refused";
    }
    assert.equal(got, want);
  });
}

test("LineageEmitter: in order, again after a failure, given up after five", async () => {
  const sent: string[] = [];
  let faults = 2;
  const all = Promise.withResolvers<undefined>();
  const post = async (body: string): Promise<void> => {
    faults -= 1;
    if (faults >= 0) throw new Error("refused");
    sent.push((JSON.parse(body) as { eventType: string }).eventType);
    if (sent.length === 2) all.resolve(undefined);
  };
  const instant = { ...names, log: silentLogger, post };
  const emitter = new LineageEmitter({
    ...instant,
    clock: { now: () => 0, monotonic: () => 0, sleep: async () => undefined },
  });
  emitter.add([
    { ...task, name: "task.running" },
    { ...task, name: "dag.paused" },
    { ...task, name: "task.success" },
  ]);
  const stop = new AbortController();
  const running = emitter.run(stop.signal);
  await all.promise;
  assert.deepEqual(sent, ["START", "COMPLETE"]);
  faults = 5;
  emitter.add([{ ...task, name: "task.running" }]);
  emitter.add([{ ...task, name: "task.failed" }]);
  while (sent.length < 3) await new Promise((done) => setImmediate(done));
  assert.equal(sent.at(-1), "FAIL");
  stop.abort(new Error("done"));
  await running;
});
