import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeUsage } from "./usage.ts";

test("nodeUsage: time that is not idle, memory that is not free nor cache that can go", () => {
  const stat = "cpu  100 10 20 5000 70 3 4 5 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nbtime 1700000000\n";
  const meminfo = "MemTotal: 1000 kB\nMemFree: 300 kB\nInactive(file):   200 kB\n";
  assert.deepEqual(nodeUsage(stat, meminfo), {
    cpuNanoseconds: 1_420_000_000n,
    memoryUsageBytes: 700 * 1024,
    memoryWorkingSetBytes: 500 * 1024,
    machine: { bootedAtMs: 1_700_000_000_000, memoryAvailableBytes: 500 * 1024 },
  });
});
