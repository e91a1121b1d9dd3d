import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "#api/gen/types.ts";
import { amountsOf } from "./amounts.ts";

function container(cpu: string, restartPolicy?: string) {
  return { name: "c", resources: { requests: { cpu } }, restartPolicy };
}

const cases: { name: string; spec: PodSpec; cpuMillis: number }[] = [
  {
    name: "containers add up",
    spec: { containers: [container("100m"), container("1")] },
    cpuMillis: 1_100,
  },
  {
    name: "an init container that needs more counts alone",
    spec: { containers: [container("100m")], initContainers: [container("2"), container("1")] },
    cpuMillis: 2_000,
  },
  {
    name: "a sidecar runs beside the containers and beside later init containers",
    spec: {
      containers: [container("100m")],
      initContainers: [container("1", "Always"), container("500m")],
    },
    cpuMillis: 1_500,
  },
  {
    name: "overhead comes on top",
    spec: { containers: [container("100m")], overhead: { cpu: "50m" } },
    cpuMillis: 150,
  },
  {
    name: "what the pod asks for as a whole stands for its containers",
    spec: {
      containers: [container("100m")],
      resources: { requests: { cpu: "2" } },
      overhead: { cpu: "50m" },
    },
    cpuMillis: 2_050,
  },
];

for (const { name, spec, cpuMillis } of cases) {
  test(`amountsOf: ${name}`, () => {
    assert.equal(amountsOf(spec).cpuMillis, cpuMillis);
  });
}

const resizes: readonly {
  readonly name: string;
  readonly asked: string;
  readonly granted: string;
  readonly reason?: string;
  readonly cpuMillis: number;
}[] = [
  { name: "more is asked for than granted", asked: "2", granted: "1", cpuMillis: 2_000 },
  { name: "less is asked for than still held", asked: "1", granted: "2", cpuMillis: 2_000 },
  {
    name: "what waits for room counts",
    asked: "2",
    granted: "1",
    reason: "Deferred",
    cpuMillis: 2_000,
  },
  {
    name: "what will never be granted does not",
    asked: "2",
    granted: "1",
    reason: "Infeasible",
    cpuMillis: 1_000,
  },
];

for (const { name, asked, granted, reason, cpuMillis } of resizes) {
  test(`amountsOf: a resize: ${name}`, () => {
    const conditions = [{ type: "PodResizePending", status: "True", reason }];
    const held = { name: "c", ready: true, restartCount: 0, image: "", imageID: "" };
    const status = {
      containerStatuses: [{ ...held, resources: { requests: { cpu: granted } } }],
      ...(reason === undefined ? {} : { conditions }),
    };
    assert.equal(amountsOf({ containers: [container(asked)] }, status).cpuMillis, cpuMillis);
  });
}

test("amountsOf: scoring counts a container without requests as a small one", () => {
  const amounts = amountsOf({ containers: [{ name: "c" }, container("1")] });
  assert.equal(amounts.scoredCpuMillis, 1_100);
  assert.equal(amounts.scoredMemoryBytes, 2 * 200 * 1_048_576);
  assert.equal(amounts.memoryBytes, 0);
});
