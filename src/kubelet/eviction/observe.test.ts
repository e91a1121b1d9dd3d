import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { memoryObservation, observeSignals, processObservation } from "./observe.ts";
import { signals } from "./thresholds.ts";

test("memoryObservation: free memory and files that were not used lately", () => {
  const meminfo = "MemTotal: 1000 kB\nMemFree:  100 kB\nInactive(file):  50 kB\n";
  assert.deepEqual(memoryObservation(meminfo), { available: 150 * 1024, capacity: 1000 * 1024 });
});

test("processObservation: what is left of the kernel's numbers", () => {
  const got = processObservation("0.10 0.20 0.30 2/300 4711\n", "32768\n");
  assert.deepEqual(got, { available: 32_468, capacity: 32_768 });
});

test("observeSignals: every signal has a capacity on a real machine", async () => {
  const paths = { nodeDirectory: tmpdir(), imageDirectory: tmpdir() };
  const observed = await observeSignals(paths);
  for (const signal of signals) {
    const { available, capacity } = observed.get(signal) ?? { available: -1, capacity: -1 };
    assert.ok(available > 0 && available <= capacity, `${signal}: ${available} of ${capacity}`);
  }
});
