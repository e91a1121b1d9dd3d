import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestInfo } from "./request-info.ts";
import { requestKind } from "./request-kind.ts";

const cases: [request: string, want: string][] = [
  ["GET /api/v1/namespaces/a/pods/p", "GET /v1/pods/ resource"],
  ["GET /api/v1/namespaces/a/pods", "LIST /v1/pods/ namespace"],
  ["GET /api/v1/pods", "LIST /v1/pods/ cluster"],
  ["GET /api/v1/pods?watch=1", "WATCH /v1/pods/ cluster"],
  ["POST /apis/apps/v1/namespaces/a/deployments", "POST apps/v1/deployments/ resource"],
  ["POST /api/v1/namespaces/a/pods?dryRun=All", "POST /v1/pods/ resource All"],
  ["PUT /api/v1/nodes/n/status", "PUT /v1/nodes/status resource"],
  ["PATCH /api/v1/nodes/n", "PATCH /v1/nodes/ resource"],
  ["PATCH /api/v1/nodes/n application/apply-patch+yaml", "APPLY /v1/nodes/ resource"],
  ["DELETE /api/v1/namespaces/a/pods", "DELETECOLLECTION /v1/pods/ namespace"],
  ["POST /api/v1/namespaces/a/pods/p/exec", "CONNECT /v1/pods/exec resource"],
  ["GET /api/v1/nodes/n/proxy/metrics", "CONNECT /v1/nodes/proxy resource"],
  ["GET /readyz/ping", "GET ////readyz "],
  ["GET /api", "GET ////api "],
  ["HEAD /", "GET //// "],
  ["GET /nothing/here", "other /// "],
];

for (const [request, want] of cases) {
  test(`requestKind: ${request} -> ${want}`, () => {
    const [method = "", url = "", contentType] = request.split(" ");
    const info = parseRequestInfo(method, url);
    assert(info !== undefined);
    const it = requestKind(info, contentType);
    const path = [it.group, it.version, it.resource, it.subresource].join("/");
    assert.equal(`${it.verb} ${path} ${it.scope}${it.dryRun === "" ? "" : ` ${it.dryRun}`}`, want);
  });
}
