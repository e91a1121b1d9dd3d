import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRoute, type Route } from "./route.ts";

const digest = `sha256:${"a".repeat(64)}`;
const id = "0b5c7f66-33b5-4a5e-9d3e-52a2f4a0f0a1";

const cases: [path: string, route: Route][] = [
  ["/v2/", { kind: "base" }],
  ["/v2/_catalog", { kind: "catalog" }],
  ["/token", { kind: "token" }],
  ["/v2/a/tags/list", { kind: "tags", name: "a" }],
  ["/v2/a/b/manifests/latest", { kind: "manifest", name: "a/b", reference: "latest" }],
  [`/v2/a/manifests/${digest}`, { kind: "manifest", name: "a", reference: digest }],
  [
    `/v2/a/manifests/${digest.replace(":", "%3A")}`,
    { kind: "manifest", name: "a", reference: digest },
  ],
  [`/v2/a/blobs/${digest}`, { kind: "blob", name: "a", digest }],
  [`/v2/a/referrers/${digest}`, { kind: "referrers", name: "a", digest }],
  ["/v2/a/blobs/uploads/", { kind: "uploads", name: "a" }],
  ["/v2/a/blobs/uploads", { kind: "uploads", name: "a" }],
  [`/v2/a/b/blobs/uploads/${id}`, { kind: "upload", name: "a/b", id }],
  ["/v2/a/blobs/uploads/../../x", { kind: "unknown" }],
  ["/v2/blobs/blobs/manifests/1", { kind: "manifest", name: "blobs/blobs", reference: "1" }],
  ["/v2/docker.io/library/a/tags/list", { kind: "tags", name: "docker.io/library/a" }],
  ["/v2/A/tags/list", { kind: "invalid", code: "NAME_INVALID" }],
  ["/v2/a/../b/tags/list", { kind: "invalid", code: "NAME_INVALID" }],
  ["/v2/a%2f..%2fb/tags/list", { kind: "invalid", code: "NAME_INVALID" }],
  ["/v2/a//b/blobs/uploads/", { kind: "invalid", code: "NAME_INVALID" }],
  ["/v2/a/manifests/..%2fx", { kind: "invalid", code: "TAG_INVALID" }],
  ["/v2/a/manifests/sha256:x", { kind: "invalid", code: "DIGEST_INVALID" }],
  ["/v2/a/blobs/latest", { kind: "invalid", code: "DIGEST_INVALID" }],
  ["/v2/a/manifests/%zz", { kind: "invalid", code: "TAG_INVALID" }],
  ["/v2/a", { kind: "unknown" }],
  ["/v1/_ping", { kind: "unknown" }],
];

for (const [path, route] of cases) {
  test(`parseRoute: ${path.slice(0, 60)}`, () => {
    assert.deepEqual(parseRoute(path), route);
  });
}
