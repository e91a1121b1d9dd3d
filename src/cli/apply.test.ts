import assert from "node:assert/strict";
import { test } from "node:test";
import { appliedPart } from "./apply.ts";

test("appliedPart: what controllers write meanwhile does not count", () => {
  const before = {
    kind: "Deployment",
    metadata: { name: "a", resourceVersion: "1", generation: 1 },
  };
  const revision = { "deployment.kubernetes.io/revision": "1" };
  const metadata = { ...before.metadata, resourceVersion: "2", annotations: revision };
  const after = {
    ...before,
    metadata: { ...metadata, managedFields: [{}] },
    status: { replicas: 1 },
  };
  assert.deepEqual(appliedPart(after), appliedPart(before));
  const changed = { ...before, metadata: { ...before.metadata, generation: 2 } };
  assert.notDeepEqual(appliedPart(changed), appliedPart(before));
});
