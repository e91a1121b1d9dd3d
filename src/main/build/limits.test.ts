import assert from "node:assert/strict";
import { test } from "node:test";
import { resourcesOf } from "#build/run/limits.ts";
import { limitsOf, parseCount, resourceLimitOf } from "./limits.ts";

test("resourceLimitOf: one number or two, or none", () => {
  assert.deepEqual(resourceLimitOf("nofile=1024"), {
    type: "RLIMIT_NOFILE",
    soft: 1024,
    hard: 1024,
  });
  assert.deepEqual(resourceLimitOf("core=0:5"), { type: "RLIMIT_CORE", soft: 0, hard: 5 });
  assert.equal(resourceLimitOf("stack=8:-1").hard, Number.MAX_SAFE_INTEGER);
  for (const text of ["nofile", "files=1", "nofile=x", "nofile=2:1"]) {
    assert.throws(() => resourceLimitOf(text), /--ulimit/);
  }
});

test("limitsOf: what the runtime gets", () => {
  const limits = limitsOf({ ulimit: [], memory: 1024, cpuQuota: 5000, cpusetCpus: "0" });
  assert.deepEqual(resourcesOf(limits), {
    memory: { limit: 1024 },
    cpu: { quota: 5000, cpus: "0" },
  });
  assert.deepEqual(resourcesOf(limitsOf({ ulimit: [] })), {});
  assert.throws(() => limitsOf({ ulimit: [], memorySwap: 1 }), /give --memory/);
});

test("parseCount", () => {
  assert.equal(parseCount("512"), 512);
  assert.throws(() => parseCount("-1"), /whole number/);
});
