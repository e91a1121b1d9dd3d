import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "#api/object.ts";
import { strategyFor } from "#testing/kind-table.ts";

const now = Date.UTC(2026, 0, 1, 0, 5);
const metadata = { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" };
const template = { spec: { containers: [{ name: "c", image: "a" }] } };
const selector = { matchLabels: { a: "b" } };
const startTime = "2026-01-01T00:01:00Z";
const complete = { type: "Complete", status: "True" };

const jobs: [what: string, object: JsonObject, want: Json[]][] = [
  ["running", { status: { startTime } }, ["Running", "0/1", "4m"]],
  [
    "complete",
    {
      status: {
        startTime,
        completionTime: "2026-01-01T00:02:00Z",
        succeeded: 1,
        conditions: [complete],
      },
    },
    ["Complete", "1/1", "60s"],
  ],
  [
    "suspended",
    { status: { conditions: [{ type: "Suspended", status: "True" }] } },
    ["Suspended", "0/1", ""],
  ],
];

for (const [what, object, want] of jobs) {
  test(`columns of a ${what} job`, () => {
    const job = {
      metadata,
      spec: { completions: 1, parallelism: 1, selector, template },
      ...object,
    };
    const cells = strategyFor("batch", "jobs").cells(job, now);
    assert.deepEqual(cells, ["a", ...want, "5m", "c", "a", "a=b"]);
  });
}

test("columns of a cron job", () => {
  const cron = {
    metadata,
    spec: { schedule: "* * * * *", suspend: false, jobTemplate: { spec: { template, selector } } },
    status: { lastScheduleTime: "2026-01-01T00:04:00Z", active: [{}] },
  };
  assert.deepEqual(strategyFor("batch", "cronjobs").cells(cron, now), [
    "a",
    "* * * * *",
    "<none>",
    "False",
    1,
    "60s",
    "5m",
    "c",
    "a",
    "a=b",
  ]);
});
