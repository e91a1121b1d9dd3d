import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { builtinTypes } from "./builtin.ts";
import { removeEmptyLists } from "./empty-lists.ts";

const pod = "io.k8s.api.core.v1.Pod";
const role = "io.k8s.api.rbac.v1.Role";

const cases: [title: string, type: string, given: JsonObject, want: JsonObject][] = [
  ["finalizers", pod, { metadata: { name: "a", finalizers: [] } }, { metadata: { name: "a" } }],
  [
    "lists within lists",
    pod,
    { spec: { tolerations: [], containers: [{ name: "c", env: [], ports: [{}] }] } },
    { spec: { containers: [{ name: "c", ports: [{}] }] } },
  ],
  [
    "a list that is always written",
    pod,
    { spec: { containers: [] } },
    { spec: { containers: [] } },
  ],
  ["rules of a role", role, { rules: [] }, { rules: [] }],
  ["empty maps and unknown fields", pod, { more: [], metadata: {} }, { more: [], metadata: {} }],
  ["a type that is not known", "no.such.Type", { list: [] }, { list: [] }],
];

for (const [title, type, given, want] of cases) {
  test(`removeEmptyLists: ${title}`, () => {
    const object = structuredClone(given);
    removeEmptyLists(object, type, builtinTypes);
    assert.deepEqual(object, want);
  });
}
