import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec, Toleration } from "#api/gen/types.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { pressureRefusal } from "./admission.ts";
import type { Pressure } from "./plan.ts";

const burstable = {
  containers: [containerOf("app", { resources: { requests: { memory: "1Mi" } } })],
};

function tolerating(toleration: Toleration): Partial<PodSpec> {
  return { tolerations: [toleration] };
}

const memory: Pressure[] = ["MemoryPressure"];
const disk: Pressure[] = ["DiskPressure"];
const cases: [spec: Partial<PodSpec>, pressures: Pressure[], want: string][] = [
  [{}, [], ""],
  [{}, memory, "The node had condition: [MemoryPressure]. "],
  [burstable, memory, ""],
  [burstable, disk, "The node had condition: [DiskPressure]. "],
  [burstable, [...memory, ...disk], "The node had condition: [MemoryPressure DiskPressure]. "],
  [{ priority: 2_000_000_000 }, disk, ""],
  [tolerating({ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }), memory, ""],
  [tolerating({ operator: "Exists" }), memory, ""],
  [
    tolerating({ key: "node.kubernetes.io/disk-pressure", operator: "Exists" }),
    memory,
    "The node had condition: [MemoryPressure]. ",
  ],
];

for (const [spec, pressures, want] of cases) {
  test(`pressureRefusal: ${JSON.stringify([spec, pressures])} -> '${want}'`, () => {
    assert.equal(pressureRefusal(podOf(spec), new Set(pressures))?.message ?? "", want);
  });
}
