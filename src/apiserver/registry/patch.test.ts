import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import {
  applyToStatus,
  jsonPatchType,
  mergePatchType,
  readPatch,
  strategicPatchType,
} from "./patch.ts";

const pod: JsonObject = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name: "a", labels: { x: "1" } },
  spec: { nodeName: "n" },
  status: { phase: "Pending", reason: "r" },
};

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  Object.values(value).forEach(freeze);
  return Object.freeze(value);
}

const running = { ...pod, status: { phase: "Running", reason: "r" } };
const elsewhere = { ...running, spec: { nodeName: "m" } };

const cases: [name: string, mediaType: string, patch: unknown, want: JsonObject][] = [
  ["merge", mergePatchType, { status: { phase: "Running" } }, running],
  ["strategic", strategicPatchType, { status: { phase: "Running" } }, running],
  [
    "other fields",
    mergePatchType,
    { spec: { nodeName: "m" }, status: { phase: "Running" } },
    elsewhere,
  ],
  [
    "a directive at the top",
    strategicPatchType,
    { $retainKeys: ["kind", "apiVersion", "metadata", "status"], status: { phase: "Running" } },
    { kind: "Pod", apiVersion: "v1", metadata: pod["metadata"] ?? {}, status: running.status },
  ],
  [
    "JSON patch that looks elsewhere",
    jsonPatchType,
    [
      { op: "test", path: "/spec/nodeName", value: "n" },
      { op: "replace", path: "/status/phase", value: "Running" },
    ],
    running,
  ],
];

for (const [name, mediaType, body, want] of cases) {
  test(`applyToStatus: ${name}`, () => {
    const bytes = Buffer.from(JSON.stringify(body));
    const patch = readPatch({ bytes, mediaType }, "io.k8s.api.core.v1.Pod", builtinTypes);
    const next = applyToStatus(patch, freeze(structuredClone(pod)), (patched) => patched);
    assert.deepEqual(next, want);
  });
}

test("applyToStatus: a field that the patch takes away is gone, and others are not copied", () => {
  const bytes = Buffer.from(JSON.stringify({ status: null }));
  const type = "io.k8s.api.core.v1.Pod";
  const patch = readPatch({ bytes, mediaType: mergePatchType }, type, builtinTypes);
  const next = applyToStatus(patch, pod, (patched) => patched);
  assert.ok(!Object.hasOwn(next, "status"));
  assert.equal(next["spec"], pod["spec"]);
  assert.notEqual(next["metadata"], pod["metadata"]);
});
