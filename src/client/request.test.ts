import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterRoles, deployments, pods } from "./kinds.ts";
import {
  createRequest,
  deleteCollectionRequest,
  deleteRequest,
  getRequest,
  listRequest,
  patchRequest,
  updateRequest,
  watchRequest,
} from "./request.ts";
import type { HttpRequest } from "./transport.ts";

const web = { namespace: "default", name: "web" };

const cases: [want: string, request: HttpRequest][] = [
  ["GET /api/v1/namespaces/default/pods/web", getRequest(pods, web)],
  ["GET /api/v1/pods", listRequest(pods, {})],
  [
    "GET /api/v1/namespaces/a/pods?labelSelector=app%3Dx%2Ctier%20in%20(a)&limit=500&continue=t",
    listRequest(pods, {
      namespace: "a",
      labelSelector: "app=x,tier in (a)",
      limit: 500,
      continueToken: "t",
    }),
  ],
  [
    "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300",
    watchRequest(pods, { resourceVersion: "7", timeoutSeconds: 300 }),
  ],
  [
    "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&fieldSelector=spec.nodeName%3Dn&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    watchRequest(pods, { sendInitialEvents: true, fieldSelector: "spec.nodeName=n" }),
  ],
  [
    "POST /apis/apps/v1/namespaces/default/deployments?dryRun=All&fieldManager=me",
    createRequest(deployments, { namespace: "default" }, {}, { dryRun: true, fieldManager: "me" }),
  ],
  [
    "POST /api/v1/namespaces/default/pods/web/binding",
    createRequest(pods, { ...web, subresource: "binding" }, {}, {}),
  ],
  [
    "PUT /apis/apps/v1/namespaces/default/deployments/web/status",
    updateRequest(deployments, { ...web, subresource: "status" }, {}, {}),
  ],
  [
    "PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode?fieldManager=me&force=true",
    patchRequest(
      clusterRoles,
      { name: "system:node" },
      { type: "apply", body: {}, fieldManager: "me", force: true },
    ),
  ],
  ["DELETE /api/v1/namespaces/default/pods/web", deleteRequest(pods, web, {})],
  [
    "DELETE /api/v1/namespaces/default/pods?labelSelector=a",
    deleteCollectionRequest(pods, { namespace: "default", labelSelector: "a" }, {}),
  ],
];

for (const [want, request] of cases) {
  test(`request: ${want}`, () => {
    assert.equal(`${request.method} ${request.path}`, want);
  });
}

test("request: a delete carries its options as a body", () => {
  const { body } = deleteRequest(pods, web, { preconditions: { uid: "u" } });
  assert.deepEqual(JSON.parse(Buffer.from(body ?? []).toString()), {
    kind: "DeleteOptions",
    apiVersion: "v1",
    preconditions: { uid: "u" },
  });
});

test("request: each kind of patch has its media type", () => {
  const types = (["json", "merge", "strategic", "apply"] as const).map(
    (type) => patchRequest(pods, web, { type, body: {} }).headers["content-type"],
  );
  assert.deepEqual(types, [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
  ]);
});
