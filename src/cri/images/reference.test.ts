import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeReference } from "./reference.ts";

const cases: [given: string, want: string][] = [
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["library/busybox", "docker.io/library/busybox:latest"],
  ["team/app:1", "docker.io/team/app:1"],
  ["docker.io/busybox", "docker.io/library/busybox:latest"],
  ["index.docker.io/team/app", "docker.io/team/app:latest"],
  ["localhost/app", "localhost/app:latest"],
  ["localhost:5000/app", "localhost:5000/app:latest"],
  ["registry.example.com/a/b/c:v1", "registry.example.com/a/b/c:v1"],
  ["busybox@sha256:abc", "docker.io/library/busybox@sha256:abc"],
  ["busybox:1@sha256:abc", "docker.io/library/busybox:1@sha256:abc"],
];

for (const [given, want] of cases) {
  test(`normalizeReference: ${given} -> ${want}`, () => {
    assert.equal(normalizeReference(given), want);
  });
}
