import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceWarnings, podsCheckedMax } from "./findings.ts";

test("namespaceWarnings looks at so many pods, one of each controller first", () => {
  const replica = (i: number): object => ({
    metadata: { name: `r${i}`, ownerReferences: [{ uid: "set", controller: true }] },
    spec: {},
  });
  const replicas = Array.from({ length: podsCheckedMax }, (_, i) => ({ ...replica(i) }));
  const single = { metadata: { name: "single" }, spec: { hostPID: true } };
  const level = { level: "baseline", minor: 20 } as const;
  assert.deepEqual(namespaceWarnings("n", level, [...replicas, single]), [
    `new PodSecurity enforce level only checked against the first ${podsCheckedMax} of ${podsCheckedMax + 1} existing pods`,
    'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:v1.20"',
    "single: host namespaces",
  ]);
});
