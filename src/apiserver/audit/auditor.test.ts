import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { MetricRegistry } from "#base/metrics/registry.ts";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { unauthorized } from "#api/status.ts";
import type { ApiRequest, ApiResponse, ResponseBody } from "#apiserver/http/exchange.ts";
import { parseRequestInfo } from "#apiserver/request-info.ts";
import { Auditor } from "./auditor.ts";
import { readPolicy } from "./policy-file.ts";
import type { Level } from "./policy.ts";
import type { Trail } from "./trail.ts";

const jane = { name: "jane", uid: "", groups: [], extra: {} };
const pods = "/api/v1/namespaces/n/pods";

interface Given {
  readonly request: ApiRequest;
  readonly trail: Trail;
  /** `<stage> <code>` of each event. */
  readonly stages: () => string[];
  readonly last: () => JsonObject;
  readonly abort: AbortController;
}

function begin(asked: string, level: Level, body: Json = {}): Given {
  const lines: string[] = [];
  const auditor = new Auditor({
    policy: readPolicy(`{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: ${level}}]}`),
    sink: { write: (line) => void lines.push(line) },
    decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as Json,
    clock: new FakeClock(0),
    metrics: new MetricRegistry(),
  });
  const [method = "", url = ""] = asked.split(" ");
  const info = parseRequestInfo(method, url);
  assert.ok(info !== undefined);
  const abort = new AbortController();
  const request: ApiRequest = {
    method,
    url,
    headers: {},
    caller: { kind: "known", user: jane },
    body: () => Promise.resolve(Buffer.from(JSON.stringify(body))),
    signal: abort.signal,
    longRunning: () => undefined,
  };
  const trail = auditor.begin({ request, info, auditId: "id", user: jane, receivedAt: 0 });
  assert.ok(trail !== undefined);
  const events = (): JsonObject[] => lines.map((it) => JSON.parse(it) as JsonObject);
  return {
    request,
    trail,
    abort,
    last: () => events().at(-1) ?? {},
    stages: () =>
      events().map(({ stage, responseStatus: it }) => {
        const code = isJsonObject(it) ? Number(it["code"]) : "";
        return `${stage as string} ${code}`;
      }),
  };
}

function answer(status: number, object: object): ApiResponse {
  const bytes = Buffer.from(JSON.stringify(object));
  return {
    status,
    headers: { "content-type": "application/json" },
    body: { kind: "bytes", bytes },
  };
}

function stream(live: boolean, ...chunks: readonly string[]): ApiResponse {
  const body: ResponseBody = {
    kind: "stream",
    live,
    run: (sink) => {
      for (const it of chunks) sink.write(Buffer.from(it));
      return Promise.resolve();
    },
  };
  return { status: 200, headers: {}, body };
}

async function send(body: ResponseBody, signal: AbortSignal): Promise<string> {
  let text = "";
  const write = (bytes: Uint8Array): boolean => {
    text += Buffer.from(bytes).toString();
    return true;
  };
  if (body.kind === "stream") await body.run({ write, onceDrained: () => undefined }, signal);
  return text;
}

test("a write has its body on record, and what its object says of itself", async () => {
  const pod = { metadata: { name: "p", uid: "u" }, spec: {} };
  const { trail, stages, last } = begin(`POST ${pods}`, "RequestResponse", pod);
  trail.received();
  assert.deepEqual(JSON.parse(Buffer.from(await trail.request.body()).toString()), pod);
  trail.annotate("a", "1");
  trail.annotate("a", "2");
  trail.answered(answer(201, { ...pod, status: {} }));
  assert.deepEqual(stages(), ["RequestReceived ", "ResponseComplete 201"]);
  const { objectRef, requestObject, responseObject, annotations } = last();
  assert.equal((objectRef as JsonObject)["name"], "p");
  assert.deepEqual([requestObject, responseObject], [pod, { ...pod, status: {} }]);
  assert.deepEqual(annotations, { a: "1" });
});

test("a list ends with its last byte, and is on record where answers are", async () => {
  for (const level of ["Metadata", "RequestResponse"] as const) {
    const { trail, stages, last, abort } = begin(`GET ${pods}`, level);
    const body = trail.answered(stream(false, '{"items":', "[]}"));
    assert.deepEqual(stages(), []);
    assert.equal(await send(body, abort.signal), '{"items":[]}');
    assert.deepEqual(stages(), ["ResponseComplete 200"]);
    const want = level === "Metadata" ? undefined : { items: [] };
    assert.deepEqual(last()["responseObject"], want);
  }
});

test("a watch has two events, and no more when its client leaves", async () => {
  const { trail, stages, last, abort } = begin(`GET ${pods}?watch=1`, "RequestResponse");
  const body = trail.answered(stream(true, "{}\n"));
  assert.deepEqual(stages(), ["ResponseStarted 200"]);
  await send(body, abort.signal);
  abort.abort(new Error("gone"));
  assert.deepEqual(stages(), ["ResponseStarted 200", "ResponseComplete 200"]);
  assert.equal(last()["responseObject"], undefined);
});

test("a client that is gone before its answer ends the request", () => {
  const { trail, stages, abort } = begin(`GET ${pods}`, "Metadata");
  trail.answered(stream(false, "{}"));
  abort.abort(new Error("gone"));
  assert.deepEqual(stages(), ["ResponseComplete 200"]);
});

test("a refusal tells why; one of a connection has both events", () => {
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Forbidden" };
  const { trail, last } = begin(`GET ${pods}/p`, "Metadata");
  trail.answered(answer(403, { ...status, code: 403 }));
  const want = { metadata: {}, status: "Failure", reason: "Forbidden", code: 403 };
  assert.deepEqual(last()["responseStatus"], want);
  const exec = begin(`POST ${pods}/p/exec`, "RequestResponse");
  exec.trail.answered(answer(403, status));
  assert.deepEqual(exec.stages(), ["ResponseStarted 403", "ResponseComplete 403"]);
});

test("a connection that is taken over lasts until it closes", async () => {
  const { trail, stages } = begin(`GET ${pods}/p/exec`, "Metadata");
  const socket = new PassThrough();
  trail.connected(socket);
  assert.deepEqual(stages(), ["ResponseStarted 101"]);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  assert.deepEqual(stages(), ["ResponseStarted 101", "ResponseComplete 101"]);
});

test("nobody, and a fault of ours", () => {
  const nobody = begin(`GET ${pods}`, "Metadata");
  nobody.trail.unauthenticated(unauthorized(), "Authentication failed, attempted: bearer");
  nobody.trail.answered(answer(401, {}));
  assert.deepEqual(nobody.stages(), ["ResponseStarted 401"]);
  const panic = begin(`GET ${pods}`, "Metadata");
  panic.trail.panicked("broken");
  panic.trail.answered(answer(500, {}));
  assert.deepEqual(panic.stages(), ["Panic 500"]);
});

test("bodies of what is passed on to pods are not touched", () => {
  const { trail, request } = begin(`POST ${pods}/p/proxy/x`, "RequestResponse");
  assert.equal(trail.request, request);
});
