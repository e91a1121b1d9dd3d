import assert from "node:assert/strict";
import { test } from "node:test";
import { jobProgress, operatorJob } from "./operator-job.ts";

test("operatorJob: arguments over the full spec over the template; the pod's are its pods'", () => {
  const template = {
    metadata: { labels: { from: "template" } },
    spec: { backoffLimit: 9, completions: 5, template: { spec: { containers: [{ name: "x" }] } } },
  };
  const input = {
    name: "counts",
    namespace: "team",
    image: "busybox",
    cmds: ["true"],
    labels: { team: "x" },
    parallelism: 2,
    backoffLimit: 0,
    fullJobSpec: { spec: { completions: 4 } },
  };
  assert.deepEqual(operatorJob(input, template), {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "counts", namespace: "team", labels: { from: "template", team: "x" } },
    spec: {
      backoffLimit: 0,
      completions: 4,
      parallelism: 2,
      template: {
        metadata: { labels: { team: "x" } },
        spec: {
          containers: [{ name: "base", image: "busybox", command: ["true"] }],
          restartPolicy: "Never",
        },
      },
    },
  });
});

test("jobProgress: by the conditions that hold", () => {
  const of = (type: string, status = "True") => ({
    status: { conditions: [{ type, status, reason: "BackoffLimitExceeded", message: "why" }] },
  });
  assert.deepEqual(jobProgress({}), { kind: "running" });
  assert.deepEqual(jobProgress(of("Complete", "False")), { kind: "running" });
  assert.deepEqual(jobProgress(of("Complete")), { kind: "complete" });
  const failed = { kind: "failed", reason: "BackoffLimitExceeded: why" };
  assert.deepEqual(jobProgress(of("Failed")), failed);
});
