import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { parseRequestInfo } from "#apiserver/request-info.ts";
import { eventLengthMax, eventLine, statusIn, type RequestFacts } from "./event.ts";
import type { Level, Recording, Stage } from "./policy.ts";

const receivedAt = Date.parse("2026-03-04T05:06:07.089Z");

function facts(request: string, given: Partial<RequestFacts> = {}): RequestFacts {
  const [method = "", url = ""] = request.split(" ");
  const info = parseRequestInfo(method, url);
  assert.ok(info !== undefined);
  return {
    auditId: "id",
    url,
    info,
    user: { name: "jane", uid: "u-1", groups: ["dev"], extra: { team: ["blue"] } },
    impersonated: undefined,
    sourceIPs: ["10.0.0.1"],
    userAgent: "kubectl/v1",
    receivedAt,
    requestObject: undefined,
    responseObject: undefined,
    status: undefined,
    annotations: new Map(),
    ...given,
  };
}

function recording(level: Level, omitsManagedFields = false): Recording {
  return { level, omitsManagedFields, omits: () => false };
}

function event(
  it: RequestFacts,
  how: Recording = recording("Metadata"),
  stage: Stage = "ResponseComplete",
): JsonObject {
  const line = eventLine(it, how, { stage, ms: receivedAt + 5 });
  assert.ok(line.endsWith("}\n") && line.indexOf("\n") === line.length - 1);
  return JSON.parse(line) as JsonObject;
}

test("an event has upstream's fields in upstream's order", () => {
  const created = { metadata: { name: "p", namespace: "n" } };
  const given = facts("POST /api/v1/namespaces/n/pods?dryRun=All", {
    status: { code: 201 },
    requestObject: created,
    annotations: new Map([["authorization.k8s.io/decision", "allow"]]),
  });
  assert.equal(
    JSON.stringify(event(given)),
    JSON.stringify({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      level: "Metadata",
      auditID: "id",
      stage: "ResponseComplete",
      requestURI: "/api/v1/namespaces/n/pods?dryRun=All",
      verb: "create",
      user: { username: "jane", uid: "u-1", groups: ["dev"], extra: { team: ["blue"] } },
      sourceIPs: ["10.0.0.1"],
      userAgent: "kubectl/v1",
      objectRef: { resource: "pods", namespace: "n", name: "p", apiVersion: "v1" },
      responseStatus: { metadata: {}, code: 201 },
      requestReceivedTimestamp: "2026-03-04T05:06:07.089000Z",
      stageTimestamp: "2026-03-04T05:06:07.094000Z",
      annotations: { "authorization.k8s.io/decision": "allow" },
    }),
  );
});

test("objects are in the events of levels that have them, and never at Metadata", () => {
  const secret = { metadata: { name: "s", managedFields: [{}] }, data: { key: "c2VjcmV0" } };
  const given = facts("PUT /api/v1/namespaces/n/secrets/s", {
    requestObject: secret,
    responseObject: secret,
    status: { code: 200 },
  });
  const shown = (level: Level): boolean[] =>
    ["requestObject", "responseObject"].map((it) => it in event(given, recording(level)));
  assert.deepEqual(shown("Metadata"), [false, false]);
  assert.deepEqual(shown("Request"), [true, false]);
  assert.deepEqual(shown("RequestResponse"), [true, true]);
  assert.ok(!eventLine(given, recording("Metadata"), { stage: "Panic", ms: 0 }).includes("c2Vj"));
});

test("managed fields are left out of objects, lists and tables", () => {
  const one = { metadata: { name: "a", managedFields: [{}] } };
  const cases: [given: JsonObject, want: JsonObject][] = [
    [one, { metadata: { name: "a" } }],
    [{ items: [one, one] }, { items: [{ metadata: { name: "a" } }, { metadata: { name: "a" } }] }],
    [
      { kind: "Table", rows: [{ cells: ["a"], object: one }, { cells: [] }] },
      {
        kind: "Table",
        rows: [{ cells: ["a"], object: { metadata: { name: "a" } } }, { cells: [] }],
      },
    ],
  ];
  for (const [responseObject, want] of cases) {
    const given = facts("GET /api/v1/pods", { responseObject });
    assert.deepEqual(event(given, recording("RequestResponse", true))["responseObject"], want);
    const kept = event(given, recording("RequestResponse"))["responseObject"];
    assert.deepEqual(kept, responseObject);
  }
});

test("an event that would be too long is without its objects", () => {
  const requestObject = { metadata: { name: "big" }, data: "x".repeat(eventLengthMax) };
  const given = facts("POST /api/v1/namespaces/n/configmaps", { requestObject });
  const found = event(given, recording("Request"));
  assert.ok(!("requestObject" in found));
  assert.deepEqual(found["annotations"], { "audit.k8s.io/truncated": "true" });
});

test("whom a user acts as, nobody, and paths that are about no resource", () => {
  const impersonated = { name: "john", uid: "", groups: ["ops"], extra: {} };
  const found = event(facts("GET /metrics", { impersonated, userAgent: "x".repeat(2_000) }));
  assert.deepEqual(found["impersonatedUser"], { username: "john", groups: ["ops"] });
  assert.equal(found["objectRef"], undefined);
  assert.equal(found["userAgent"], `${"x".repeat(1_024)}...TRUNCATED`);
  const nobody = facts("GET /metrics", { user: undefined, sourceIPs: [], userAgent: "" });
  const received = event(nobody, recording("Metadata"), "RequestReceived");
  assert.deepEqual(received["user"], {});
  assert.equal(received["stageTimestamp"], received["requestReceivedTimestamp"]);
  assert.ok(!("sourceIPs" in received) && !("userAgent" in received));
});

test("what a Status says is in the event's status", () => {
  const details = { name: "p", kind: "pods" };
  const said = { status: "Failure", message: "no", reason: "NotFound", details, code: 404 };
  const status = statusIn({ kind: "Status", apiVersion: "v1", metadata: {}, ...said });
  const given = facts("GET /api/v1/namespaces/n/pods/p", { status: { ...status, code: 404 } });
  assert.deepEqual(event(given)["responseStatus"], { metadata: {}, ...said });
  assert.equal(statusIn({ kind: "Pod", apiVersion: "v1" }), undefined);
  assert.equal(statusIn(undefined), undefined);
});
