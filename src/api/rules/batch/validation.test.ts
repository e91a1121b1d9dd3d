import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults, testUpdateFaults, valueAt } from "#testing/kind-table.ts";

const template = {
  metadata: { labels: { "batch.kubernetes.io/controller-uid": "1" } },
  spec: { restartPolicy: "Never", containers: [{ name: "c", image: "a" }] },
};
const selector = { matchLabels: { "batch.kubernetes.io/controller-uid": "1" } };
const job: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: { selector, template },
};

testFaults("batch", "jobs", job, [
  ["spec.parallelism", -1, "Invalid spec.parallelism"],
  ["spec.backoffLimit", -1, "Invalid spec.backoffLimit"],
  ["spec.selector", undefined, "Required spec.selector"],
  [
    "spec.template.spec.restartPolicy",
    "Always",
    'Required spec.template.spec.restartPolicy ~ valid values: "OnFailure", "Never"',
  ],
  ["spec.completionMode", "x", "NotSupported spec.completionMode"],
  ["spec.completionMode", "Indexed", ""],
  [
    "spec.maxFailedIndexes",
    1,
    "Required spec.backoffLimitPerIndex ; Invalid spec.maxFailedIndexes ~ requires indexed completion mode",
  ],
  ["spec.managedBy", "x", "Invalid spec.managedBy ~ must be a domain-prefixed path"],
  [
    "spec.podFailurePolicy",
    { rules: [{}] },
    "Required spec.podFailurePolicy.rules[0].action ; Invalid spec.podFailurePolicy.rules[0] ~ specifying one of OnExitCodes and OnPodConditions is required",
  ],
  [
    "spec.podFailurePolicy",
    { rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [0] } }] },
    "Invalid spec.podFailurePolicy.rules[0].onExitCodes.values[0] ~ must not be 0 for the In operator",
  ],
]);

testUpdateFaults("batch", "jobs", job, [
  ["spec.backoffLimit", 3, ""],
  ["spec.suspend", true, ""],
  ["spec.completions", 3, "Invalid spec.completions ~ field is immutable"],
  ["spec.template.spec.containers.0.image", "b", "Invalid spec.template ~ field is immutable"],
  ["spec.completionMode", "Indexed", "Invalid spec.completionMode ~ field is immutable"],
]);

testUpdateFaults("batch", "jobs", { ...job, spec: { selector, template, suspend: true } }, [
  ["spec.template.spec.nodeSelector", { a: "b" }, ""],
  ["spec.template.spec.hostNetwork", true, "Invalid spec.template ~ field is immutable"],
]);

test("a new job selects its own pods", () => {
  const object: JsonObject = {
    metadata: { name: "a", uid: "1-2" },
    spec: { template: { spec: { containers: [] } } },
  };
  strategyFor("batch", "jobs").prepareForCreate(object, { now: "2026-01-01T00:00:00Z" });
  const labels = {
    "controller-uid": "1-2",
    "job-name": "a",
    "batch.kubernetes.io/controller-uid": "1-2",
    "batch.kubernetes.io/job-name": "a",
  };
  assert.deepEqual(valueAt(object, "spec.template.metadata.labels"), labels);
  const selected = { "batch.kubernetes.io/controller-uid": "1-2" };
  assert.deepEqual(valueAt(object, "spec.selector.matchLabels"), selected);
});

const cron: JsonObject = {
  metadata: { name: "a", namespace: "default" },
  spec: {
    schedule: "*/5 1-3,5 * JAN MON-FRI",
    jobTemplate: {
      spec: { template: { spec: { ...template.spec } } },
    },
  },
};

testFaults("batch", "cronjobs", cron, [
  ["metadata.name", "a".repeat(53), "Invalid metadata.name ~ must be no more than 52 characters"],
  ["spec.schedule", "", "Required spec.schedule"],
  ["spec.schedule", "@hourly", ""],
  ["spec.schedule", "@every 1h30m", ""],
  ["spec.schedule", "* * * *", "Invalid spec.schedule ~ expected exactly 5 fields, found 4"],
  ["spec.schedule", "61 * * * *", "Invalid spec.schedule ~ above maximum"],
  ["spec.schedule", "TZ=UTC * * * * *", "Invalid spec.schedule ~ cannot use TZ or CRON_TZ"],
  ["spec.timeZone", "Europe/Berlin", ""],
  ["spec.timeZone", "Local", "Invalid spec.timeZone ~ explicit time zone"],
  ["spec.timeZone", "No/Where", "Invalid spec.timeZone ~ unknown time zone No/Where"],
  ["spec.concurrencyPolicy", "x", "NotSupported spec.concurrencyPolicy"],
  [
    "spec.jobTemplate.spec.selector",
    selector,
    "Invalid spec.jobTemplate.spec.selector ~ `selector` will be auto-generated",
  ],
]);
