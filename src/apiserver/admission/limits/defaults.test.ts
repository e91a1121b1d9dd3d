import assert from "node:assert/strict";
import { test } from "node:test";
import type { LimitRange, Pod } from "#api/gen/types.ts";
import type { Draft, Loose } from "#api/rules/rules.ts";
import { applyDefaults, limitRangerAnnotation } from "./defaults.ts";

const range: Loose<LimitRange> = {
  spec: {
    limits: [
      {
        type: "Container",
        default: { cpu: "500m", memory: "500Mi" },
        defaultRequest: { cpu: "100m", memory: "200Mi" },
      },
      { type: "Pod", max: { cpu: "4" } },
    ],
  },
};

test("applyDefaults fills in what containers and init containers lack, and says so", () => {
  const pod: Draft<Pod> = {
    metadata: { name: "p" },
    spec: {
      containers: [
        { name: "a" },
        {
          name: "b",
          resources: { requests: { cpu: "300m" }, limits: { cpu: "1", memory: "1Gi" } },
        },
      ],
      initContainers: [{ name: "i", resources: { limits: { cpu: "2" } } }],
    },
  };
  applyDefaults(range, pod);
  assert.deepEqual(pod.spec, {
    containers: [
      {
        name: "a",
        resources: {
          requests: { cpu: "100m", memory: "200Mi" },
          limits: { cpu: "500m", memory: "500Mi" },
        },
      },
      {
        name: "b",
        resources: {
          requests: { cpu: "300m", memory: "200Mi" },
          limits: { cpu: "1", memory: "1Gi" },
        },
      },
    ],
    initContainers: [
      {
        name: "i",
        resources: {
          requests: { cpu: "100m", memory: "200Mi" },
          limits: { cpu: "2", memory: "500Mi" },
        },
      },
    ],
  });
  assert.equal(
    pod.metadata?.annotations?.[limitRangerAnnotation],
    "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a; memory request for container b; cpu, memory request for init container i; memory limit for init container i",
  );
});

test("applyDefaults leaves a pod that says everything itself as it is", () => {
  const all = { requests: { cpu: "1", memory: "1" }, limits: { cpu: "1", memory: "1" } };
  const pod: Draft<Pod> = { metadata: {}, spec: { containers: [{ name: "a", resources: all }] } };
  const before = structuredClone(pod);
  applyDefaults(range, pod);
  assert.deepEqual(pod, before);
});

test("applyDefaults with a range that has none leaves a pod as it is", () => {
  const pod: Draft<Pod> = { metadata: {}, spec: { containers: [{ name: "a" }] } };
  applyDefaults({ spec: { limits: [{ type: "Container", max: { cpu: "1" } }] } }, pod);
  assert.deepEqual(pod, { metadata: {}, spec: { containers: [{ name: "a" }] } });
});
