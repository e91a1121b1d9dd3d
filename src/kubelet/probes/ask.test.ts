import assert from "node:assert/strict";
import { createServer as createHttp, type Server as HttpServer } from "node:http";
import { createServer as createTcp, type AddressInfo, type Server } from "node:net";
import { after, before, test } from "node:test";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import type { Probe } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { RuntimeError, type ExecResult, type Runtime } from "#cri/runtime.ts";
import { containerOf, podOf } from "#testing/pod-fixtures.ts";
import { askOnce } from "./ask.ts";
import { Hooks } from "./hooks.ts";
import type { ProbeTarget } from "./target.ts";

const signal = new AbortController().signal;
const http: HttpServer = createHttp((request, response) => {
  if (request.url === "/hang") return;
  if (request.url === "/moved") response.setHeader("location", "/ok");
  if (request.url === "/away") response.setHeader("location", "http://elsewhere.invalid/");
  const status = { "/ok": 204, "/moved": 302, "/away": 302, "/bad": 500 }[request.url ?? ""] ?? 404;
  response.statusCode = request.headers["user-agent"] === "kube-probe/1.36" ? status : 400;
  response.end(request.headers["x-test"] === "" ? "" : "body");
});
const tcp: Server = createTcp((socket) => socket.end());
const grpc = new GrpcServer();
// Port 1 is reserved, and nobody listens there: a free port might be taken meanwhile.
const ports = { http: 0, tcp: 0, grpc: 0, closed: 1 };

before(async () => {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  ports.http = (http.address() as AddressInfo).port;
  ports.tcp = (tcp.address() as AddressInfo).port;
  grpc.addService(
    {
      check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: (it: Buffer) => it,
        requestDeserialize: (it: Buffer) => it,
        responseSerialize: (it: Buffer) => it,
        responseDeserialize: (it: Buffer) => it,
      },
    },
    {
      check: (
        call: { readonly request: Buffer },
        callback: (error: null, value: Buffer) => void,
      ) => {
        const service = call.request.subarray(2).toString();
        callback(null, Buffer.from([0x08, service === "sick" ? 2 : 1]));
      },
    },
  );
  ports.grpc = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
});

after(() => {
  http.closeAllConnections();
  http.close();
  tcp.close();
  grpc.forceShutdown();
});

const runtime = {
  execSync: async (_id: string, command: readonly string[]): Promise<ExecResult> => {
    if (command[0] === "slow") throw new RuntimeError("timeout", "timeout 1s exceeded");
    if (command[0] === "gone") throw new RuntimeError("not-found", "no such container");
    return {
      stdout: Buffer.from(command.join(" ")),
      stderr: Buffer.alloc(0),
      exitCode: command[0] === "true" ? 0 : 1,
    };
  },
} as Partial<Runtime> as Runtime;

function target(): ProbeTarget {
  const named = [{ name: "web", containerPort: ports.http }];
  const container = { spec: containerOf("app", { ports: named }), role: "regular" } as const;
  return { pod: podOf(), container, containerId: "c1", podIp: "127.0.0.1" };
}

const cases: [name: string, probe: () => Probe, kind: string, output: RegExp][] = [
  ["http 204", () => ({ httpGet: { path: "/ok", port: "web" } }), "success", /^$/],
  [
    "http path without slash",
    () => ({ httpGet: { path: "ok", port: ports.http } }),
    "success",
    /^$/,
  ],
  ["http redirect here", () => ({ httpGet: { path: "/moved", port: "web" } }), "success", /^$/],
  ["http redirect away", () => ({ httpGet: { path: "/away", port: "web" } }), "success", /body/],
  [
    "http 500",
    () => ({ httpGet: { path: "/bad", port: "web" } }),
    "failure",
    /^HTTP probe failed with statuscode: 500$/,
  ],
  [
    "http refused",
    () => ({ httpGet: { path: "/", port: ports.closed } }),
    "failure",
    /^Get "http:\/\/127.0.0.1:\d+\/": .*ECONNREFUSED/,
  ],
  ["http hangs", () => ({ httpGet: { path: "/hang", port: "web" } }), "failure", /^Get "http/],
  [
    "unknown port",
    () => ({ httpGet: { path: "/", port: "admin" } }),
    "error",
    /couldn't find a port named "admin"/,
  ],
  ["tcp", () => ({ tcpSocket: { port: ports.tcp } }), "success", /^$/],
  [
    "tcp refused",
    () => ({ tcpSocket: { port: ports.closed } }),
    "failure",
    /^dial tcp 127.0.0.1:\d+: .*ECONNREFUSED/,
  ],
  ["exec 0", () => ({ exec: { command: ["true"] } }), "success", /^true$/],
  ["exec 1", () => ({ exec: { command: ["cat", "x"] } }), "failure", /^cat x$/],
  ["exec too long", () => ({ exec: { command: ["slow"] } }), "failure", /timed out after 0.2s/],
  ["exec without container", () => ({ exec: { command: ["gone"] } }), "error", /no such container/],
  ["grpc", () => ({ grpc: { port: ports.grpc } }), "success", /^service healthy$/],
  [
    "grpc sick",
    () => ({ grpc: { port: ports.grpc, service: "sick" } }),
    "failure",
    /^service unhealthy \(responded with "NOT_SERVING"\)$/,
  ],
  ["grpc refused", () => ({ grpc: { port: ports.closed } }), "failure", /^error: health rpc/],
  ["nothing", () => ({}), "error", /missing probe handler/],
];

/** These never answer; the others have time on a busy machine. */
const endless = ["http hangs", "exec too long"];

for (const [name, probe, kind, output] of cases) {
  test(`askOnce: ${name} -> ${kind}`, async () => {
    const timeoutMs = endless.includes(name) ? 200 : 30_000;
    const question = { probe: probe(), target: target(), timeoutMs };
    const outcome = await askOnce({ runtime, clock: systemClock }, question, signal);
    assert.equal(outcome.kind, kind, outcome.output);
    assert.match(outcome.output, output);
  });
}

test("Hooks: exec must succeed, http must answer, sleep takes its time", async () => {
  const hooks = new Hooks({ runtime, clock: systemClock });
  await hooks.run({ exec: { command: ["true"] } }, target(), signal);
  await assert.rejects(
    hooks.run({ exec: { command: ["false"] } }, target(), signal),
    /exited with code 1/,
  );
  await hooks.run({ httpGet: { path: "/bad", port: ports.http } }, target(), signal);
  await assert.rejects(
    hooks.run({ httpGet: { path: "/", port: ports.closed } }, target(), signal),
    /ECONNREFUSED/,
  );
  await hooks.run({ sleep: { seconds: 0 } }, target(), signal);
});
