import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { StatusError } from "#api/status.ts";
import type { ConnectPort, ConnectTarget } from "#apiserver/connect-port.ts";
import type { ApiRequest, ApiResponse, ByteSink } from "#apiserver/http/exchange.ts";
import { systemClock } from "#base/clock.ts";
import { seededRandom } from "#base/random.ts";
import { issuePair } from "#pki/issue.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { createConnectPort } from "./create-connect-port.ts";

const user = { name: "jane", uid: "", groups: [], extra: {} };
const certificates = await loopbackCertificates();

function pod(more: JsonObject = {}): JsonObject {
  return {
    metadata: { name: "x", namespace: "ns" },
    spec: { nodeName: "node-1", containers: [{ name: "a" }], ...more },
    status: { podIP: "10.0.0.1" },
  };
}

function nodeAt(port: number, address = "127.0.0.1"): JsonObject {
  return {
    metadata: { name: "node-1" },
    status: {
      addresses: [
        { type: "Hostname", address: "node-1" },
        { type: "InternalIP", address },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  };
}

function portWith(node: JsonObject | undefined): ConnectPort {
  const { authority, client } = certificates;
  return createConnectPort({
    objects: {
      get: (resource) => (resource === "nodes" ? node : undefined),
      list: () => [],
      podsOnNode: () => [],
      onChange: () => undefined,
    },
    tls: { ca: authority.certificate, cert: client.certificate, key: client.key },
    clock: systemClock,
    random: seededRandom(1),
  });
}

function targetOf(subresource: string, query = "", object: JsonObject = pod()): ConnectTarget {
  return {
    resource: "pods",
    subresource,
    namespace: "ns",
    name: "x",
    rest: undefined,
    query: new URLSearchParams(query),
    user,
    object,
  };
}

function requestTo(url: string, headers: ApiRequest["headers"] = {}, method = "GET"): ApiRequest {
  return {
    method,
    url,
    headers,
    caller: { kind: "known", user },
    body: () => Promise.resolve(new Uint8Array()),
    signal: new AbortController().signal,
    longRunning: () => undefined,
  };
}

async function kubelet(
  answer: (request: IncomingMessage) => { status: number; text: string },
  pair = certificates.server,
): Promise<{ readonly server: Server; readonly port: number } & AsyncDisposable> {
  const server = createServer(
    {
      key: pair.key,
      cert: pair.certificate,
      ca: certificates.authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      const { status, text } = answer(request);
      response.writeHead(status, { "content-type": "text/plain" }).end(text);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function textOf({ body }: ApiResponse): Promise<string> {
  if (body.kind === "bytes") return Buffer.from(body.bytes).toString();
  const chunks: Uint8Array[] = [];
  const sink: ByteSink = {
    write: (bytes) => chunks.push(bytes) > 0,
    onceDrained: () => undefined,
  };
  await body.run(sink, new AbortController().signal);
  return Buffer.concat(chunks).toString();
}

async function failureOf(promise: Promise<unknown>): Promise<StatusError> {
  const error: unknown = await promise.then(
    () => assert.fail("it succeeded"),
    (it: unknown) => it,
  );
  assert.ok(error instanceof StatusError, String(error));
  return error;
}

test("connect: a log is asked of the pod's node and passed on", async () => {
  const paths: (string | undefined)[] = [];
  await using node = await kubelet((request) => {
    paths.push(request.url);
    return { status: 200, text: "one\ntwo\n" };
  });
  const response = await portWith(nodeAt(node.port)).forward(
    targetOf("log", "tailLines=5&timestamps=true"),
    requestTo("/api/v1/namespaces/ns/pods/x/log"),
  );
  assert.equal(await textOf(response), "one\ntwo\n");
  assert.deepEqual(paths, ["/containerLogs/ns/x/a?timestamps=true&tailLines=5&stream=All"]);
});

test("connect: a pod without a node has an empty log, and takes no commands", async () => {
  const port = portWith(undefined);
  const pending = pod({ nodeName: "" });
  const response = await port.forward(targetOf("log", "", pending), requestTo("/log"));
  assert.equal(await textOf(response), "");
  const [socket] = duplexPair();
  const request = requestTo("/exec", { upgrade: "SPDY/3.1" }, "POST");
  const error = await failureOf(
    port.upgrade(targetOf("exec", "stdout=1", pending), request, socket, Buffer.alloc(0)),
  );
  assert.deepEqual([error.code, error.message], [400, "pod x does not have a host assigned"]);
});

const kubeletAnswers: [status: number, text: string, want: [number, string, string]][] = [
  [
    400,
    'container "a" in pod "x" is waiting to start: ContainerCreating',
    [400, "BadRequest", 'container "a" in pod "x" is waiting to start: ContainerCreating'],
  ],
  [404, 'pod "x" does not exist', [404, "NotFound", 'pod "x" does not exist']],
  [500, "boom", [500, "InternalError", "Internal error occurred: boom"]],
  [
    403,
    "Forbidden",
    [
      502,
      "InternalError",
      "the node's agent refused the API server: Forbidden; both must use certificates of one authority",
    ],
  ],
];
for (const [status, text, want] of kubeletAnswers) {
  test(`connect: the kubelet answers ${status}`, async () => {
    await using node = await kubelet(() => ({ status, text }));
    const port = portWith(nodeAt(node.port));
    const error = await failureOf(port.forward(targetOf("log"), requestTo("/log")));
    assert.deepEqual([error.code, error.reason, error.message], want);
  });
}

test("connect: nobody listens at the node", async () => {
  const node = await kubelet(() => ({ status: 200, text: "" }));
  await node[Symbol.asyncDispose]();
  const port = portWith(nodeAt(node.port));
  const error = await failureOf(port.forward(targetOf("log"), requestTo("/log")));
  assert.equal(error.code, 502);
  assert.match(
    error.message,
    /node node-1 at 127\.0\.0\.1:\d+: .*ECONNREFUSED.*start the node's agent/,
  );
});

test("connect: a server that is not the node's is not believed", async () => {
  const pair = await issuePair(
    certificates.authority,
    {
      commonName: "other",
      organizations: [],
      hosts: ["node-2", "10.9.9.9"],
      usages: ["server auth"],
      lifetimeMs: 3_600_000,
    },
    systemClock.now(),
  );
  await using node = await kubelet(() => ({ status: 200, text: "" }), pair);
  const port = portWith(nodeAt(node.port));
  const error = await failureOf(port.forward(targetOf("log"), requestTo("/log")));
  assert.equal(error.code, 502);
  assert.match(error.message, /certificate must be of the cluster's authority and name the node/);
});

test("connect: a certificate with the node's name is enough", async () => {
  const pair = await issuePair(
    certificates.authority,
    {
      commonName: "node",
      organizations: [],
      hosts: ["node-1"],
      usages: ["server auth"],
      lifetimeMs: 3_600_000,
    },
    systemClock.now(),
  );
  await using node = await kubelet(() => ({ status: 200, text: "fine" }), pair);
  const response = await portWith(nodeAt(node.port)).forward(targetOf("log"), requestTo("/log"));
  assert.equal(await textOf(response), "fine");
});

test("connect: a node that is not there, one without a server, a bad request", async () => {
  const missing = await failureOf(portWith(undefined).forward(targetOf("log"), requestTo("/log")));
  assert.equal(missing.message, 'nodes "node-1" not found');
  const silent = await failureOf(portWith(nodeAt(0)).forward(targetOf("log"), requestTo("/log")));
  assert.deepEqual([silent.code, silent.reason], [503, "ServiceUnavailable"]);
  const bad = await failureOf(
    portWith(nodeAt(1)).forward(targetOf("log", "tailLines=-1"), requestTo("/log")),
  );
  assert.equal(bad.code, 422);
  assert.match(bad.message, /^PodLogOptions "x" is invalid: tailLines: Invalid value: -1/);
  const plain = await failureOf(portWith(nodeAt(1)).forward(targetOf("exec"), requestTo("/exec")));
  assert.equal(plain.message, "Upgrade request required");
});

test("connect: an upgrade is replayed, and then bytes pass both ways", async () => {
  await using node = await kubelet(() => ({ status: 500, text: "" }));
  const seen: unknown[] = [];
  node.server.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
    const { headers } = request;
    seen.push([request.method, request.url, headers["x-stream-protocol-version"]]);
    seen.push([headers.authorization, headers.upgrade, head.length]);
    const head101 = [
      "HTTP/1.1 101 Switching Protocols",
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
    ];
    socket.write(`${head101.join("\r\n")}\r\n\r\nwelcome `);
    socket.pipe(socket);
  });
  const [client, server] = duplexPair();
  const headers = {
    upgrade: "SPDY/3.1",
    authorization: "Bearer secret",
    "x-stream-protocol-version": "v4.channel.k8s.io, v3.channel.k8s.io",
  };
  await portWith(nodeAt(node.port)).upgrade(
    targetOf("exec", "command=cat&stdin=true"),
    requestTo("/exec", headers, "POST"),
    server,
    Buffer.from("early "),
  );
  client.end("late");
  const answer = Buffer.concat((await client.toArray()) as Buffer[]).toString();
  assert.match(answer, /^HTTP\/1\.1 101 .*\r\nupgrade: SPDY\/3\.1\r\n\r\nwelcome early late$/s);
  assert.deepEqual(seen, [
    ["POST", "/exec/ns/x/a?input=1&command=cat", "v4.channel.k8s.io, v3.channel.k8s.io"],
    [undefined, "SPDY/3.1", 0],
  ]);
});

test("connect: a proxied node is its kubelet; the path and the verb are kept", async () => {
  const seen: unknown[] = [];
  await using node = await kubelet((request) => {
    const { authorization, "x-forwarded-uri": uri } = request.headers;
    seen.push([request.method, request.url, authorization, uri]);
    return { status: 418, text: "teapot" };
  });
  const object = nodeAt(node.port);
  const target = { ...targetOf("proxy"), resource: "nodes", namespace: "", name: "node-1", object };
  const url = "/api/v1/nodes/node-1/proxy/a%20b//c?d=e";
  const headers = { authorization: "Bearer secret", "content-type": "text/plain" };
  const response = await portWith(object).forward(target, requestTo(url, headers, "PATCH"));
  assert.equal(response.status, 418);
  assert.equal(await textOf(response), "teapot");
  assert.deepEqual(seen, [
    ["PATCH", "/a%20b//c?d=e", undefined, "/api/v1/nodes/node-1/proxy/a%20b//c"],
  ]);
});

test("connect: a proxy without a path is sent to the one with a slash", async () => {
  const url = "/api/v1/namespaces/ns/pods/x:80/proxy?a=b";
  const response = await portWith(undefined).forward(targetOf("proxy"), requestTo(url));
  assert.deepEqual(
    [response.status, response.headers["location"]],
    [301, "/api/v1/namespaces/ns/pods/x:80/proxy/?a=b"],
  );
});

test("connect: a plain HTTP server where a kubelet should be", async () => {
  const server = createHttpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portWith(nodeAt((server.address() as AddressInfo).port));
  const error = await failureOf(port.forward(targetOf("log"), requestTo("/log")));
  assert.equal(error.code, 502);
  server.close();
  server.closeAllConnections();
});
