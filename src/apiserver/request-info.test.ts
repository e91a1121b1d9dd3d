import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestInfo } from "./request-info.ts";

// Columns: verb group/version namespace resource name subresource rest; `-` for empty.
const cases: [request: string, want: string][] = [
  ["GET /api/v1/pods", "list /v1 - pods - - ~"],
  ["GET /api/v1/pods?watch=true", "watch /v1 - pods - - ~"],
  ["GET /api/v1/pods?watch=0", "list /v1 - pods - - ~"],
  ["GET /api/v1/namespaces/a/pods", "list /v1 a pods - - ~"],
  ["GET /api/v1/namespaces/a/pods/b", "get /v1 a pods b - ~"],
  ["HEAD /api/v1/namespaces/a/pods/b", "get /v1 a pods b - ~"],
  ["GET /api/v1/namespaces/a/pods/b/log", "get /v1 a pods b log ~"],
  ["POST /api/v1/namespaces/a/pods/b/exec?command=ls", "create /v1 a pods b exec ~"],
  ["GET /api/v1/namespaces/a/pods/b/proxy/c/d", "get /v1 a pods b proxy c/d"],
  ["GET /api/v1/namespaces/a/pods/b/proxy/", "get /v1 a pods b proxy -"],
  ["GET /api/v1/namespaces", "list /v1 - namespaces - - ~"],
  ["GET /api/v1/namespaces/a", "get /v1 a namespaces a - ~"],
  ["PUT /api/v1/namespaces/a/finalize", "update /v1 a namespaces a finalize ~"],
  ["PUT /api/v1/namespaces/a/status", "update /v1 a namespaces a status ~"],
  ["POST /apis/apps/v1/namespaces/a/deployments", "create apps/v1 a deployments - - ~"],
  ["PATCH /apis/apps/v1/namespaces/a/deployments/b/scale", "patch apps/v1 a deployments b scale ~"],
  ["DELETE /apis/apps/v1/namespaces/a/deployments", "deletecollection apps/v1 a deployments - - ~"],
  ["DELETE /api/v1/nodes/n", "delete /v1 - nodes n - ~"],
  ["GET /api/v1/watch/namespaces/a/pods", "watch /v1 a pods - - ~"],
  ["GET /api/v1/watch/namespaces/a/pods/b", "watch /v1 a pods b - ~"],
  ["GET /api/v1/pods?fieldSelector=metadata.name%3Dx", "list /v1 - pods x - ~"],
  [
    "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab",
    "get rbac.authorization.k8s.io/v1 - clusterroles a:b - ~",
  ],
  ["OPTIONS /api/v1/pods", "- /v1 - pods - - ~"],
  ["GET /api/v1", "no get /api/v1"],
  ["GET /apis/apps/v1", "no get /apis/apps/v1"],
  ["GET /healthz", "no get /healthz"],
  ["POST /", "no post /"],
];

for (const [request, want] of cases) {
  test(`parseRequestInfo: ${request}`, () => {
    const [method = "", url = ""] = request.split(" ");
    const it = parseRequestInfo(method, url);
    assert.ok(it);
    const dash = (text: string): string => (text === "" ? "-" : text);
    const rest = it.rest === undefined ? "~" : dash(it.rest);
    const got = it.isResource
      ? [
          dash(it.verb),
          `${it.group}/${it.version}`,
          ...[it.namespace, it.resource, it.name, it.subresource].map(dash),
          rest,
        ].join(" ")
      : `no ${it.verb} ${it.path}`;
    assert.equal(got, want);
  });
}

test("parseRequestInfo: a path that is no UTF-8 is undefined", () => {
  assert.equal(parseRequestInfo("GET", "/api/v1/pods/%ff"), undefined);
});
