import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { FakeClock, systemClock, type Clock } from "#base/clock.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { Client } from "./client.ts";
import { pods } from "./kinds.ts";
import { TlsTransport } from "./tls-transport.ts";
import { TransportError, type HttpResponse } from "./transport.ts";

const never = new AbortController().signal;
let certificates: Awaited<ReturnType<typeof loopbackCertificates>>;

before(async () => {
  certificates = await loopbackCertificates();
});

type Serve = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void;

interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly sessions: Set<ServerHttp2Session>;
  readonly count: () => number;
}

async function openServer(serve: Serve): Promise<TestServer> {
  const server = createSecureServer({
    key: certificates.server.key,
    cert: certificates.server.certificate,
    ca: certificates.authority.certificate,
    requestCert: true,
  });
  const sessions = new Set<ServerHttp2Session>();
  let count = 0;
  server.on("session", (session) => {
    count++;
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    serve(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    sessions,
    count: () => count,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function transportTo(url: string, clock: Clock = systemClock): TlsTransport {
  return new TlsTransport({
    server: url,
    certificateAuthority: certificates.authority.certificate,
    clientCertificate: certificates.client.certificate,
    clientKey: certificates.client.key,
    bearerToken: async () => "secret",
    userAgent: "gantry/test",
    clock,
  });
}

function answer(stream: ServerHttp2Stream, body: unknown, status = 200): void {
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(body));
}

test("TlsTransport: sends certificate, token and user agent; many requests share a connection", async () => {
  const seen: unknown[] = [];
  await using server = await openServer((stream, headers) => {
    const socket = stream.session?.socket as TLSSocket | undefined;
    const user = socket?.getPeerCertificate().subject.CN;
    seen.push([headers[":path"], headers["authorization"], headers["user-agent"], user]);
    answer(stream, { items: [] });
  });
  await using transport = transportTo(server.url);
  const client = new Client(transport);
  await Promise.all([1, 2, 3].map(() => client.list(pods, {}, never)));
  assert.deepEqual(seen, Array(3).fill(["/api/v1/pods", "Bearer secret", "gantry/test", "tester"]));
  assert.equal(server.count(), 1);
});

test("TlsTransport: more streams than one connection carries open another", async () => {
  const open: ServerHttp2Stream[] = [];
  await using server = await openServer((stream) => {
    open.push(stream);
    if (open.length === 100) for (const it of open) answer(it, { items: [] });
  });
  await using transport = transportTo(server.url);
  const client = new Client(transport);
  await Promise.all(Array.from({ length: 100 }, () => client.list(pods, {}, never)));
  assert.equal(server.count(), 2);
});

test("TlsTransport: a failure of the server is a StatusError with its reason", async () => {
  await using server = await openServer((stream) => {
    answer(stream, { kind: "Status", apiVersion: "v1", reason: "NotFound", code: 404 }, 404);
  });
  await using transport = transportTo(server.url);
  const work = new Client(transport).get(pods, { namespace: "d", name: "x" }, never);
  await assert.rejects(work, { name: "StatusError", reason: "NotFound", code: 404 });
});

test("TlsTransport: a broken connection fails its requests and the next one reconnects", async () => {
  let broken = false;
  await using server = await openServer((stream) => {
    if (broken) answer(stream, { items: [] });
    else {
      broken = true;
      stream.session?.destroy();
    }
  });
  await using transport = transportTo(server.url);
  const client = new Client(transport);
  await assert.rejects(client.list(pods, {}, never), TransportError);
  assert.deepEqual((await client.list(pods, {}, never)).items, []);
});

test("TlsTransport: leaving a watch cancels its stream on the server", async () => {
  const closed = Promise.withResolvers<number>();
  await using server = await openServer((stream) => {
    stream.on("close", () => {
      closed.resolve(stream.rstCode);
    });
    stream.respond({ ":status": 200 });
    stream.write('{"type":"ADDED","object":{}}\n');
  });
  await using transport = transportTo(server.url);
  for await (const events of new Client(transport).watch(pods, {}, never)) {
    assert.equal(events.length, 1);
    break;
  }
  assert.equal(await closed.promise, 8);
});

test("TlsTransport: an aborted watch ends with the signal's reason", async () => {
  await using server = await openServer((stream) => {
    stream.respond({ ":status": 200 });
    stream.write('{"type":"ADDED","object":{}}\n');
  });
  await using transport = transportTo(server.url);
  const stop = new AbortController();
  const reason = new Error("enough");
  await assert.rejects(async () => {
    for await (const events of new Client(transport).watch(pods, {}, stop.signal)) {
      assert.equal(events.length, 1);
      stop.abort(reason);
    }
  }, reason);
});

test("TlsTransport: a body is whole however late it is read", async () => {
  const body = "x".repeat(5_000);
  await using server = await openServer((stream) => {
    stream.respond({ ":status": 200 });
    stream.end(body);
  });
  await using transport = transportTo(server.url);
  const request = { method: "GET", path: "/x", headers: {} } as const;
  const first = await transport.send(request, never);
  // Its answer comes behind all of the first one's.
  assert.equal(await textOf(await transport.send(request, never)), body);
  assert.equal(await textOf(first), body);
});

test("TlsTransport: a body that breaks off says whose it was", async () => {
  await using server = await openServer((stream) => {
    stream.respond({ ":status": 200 });
    stream.write('{"kind":');
  });
  await using transport = transportTo(server.url);
  const request = { method: "GET", path: "/x", headers: {} } as const;
  for (const breakOff of [closeSocket, destroySession]) {
    const response = await transport.send(request, never);
    const reading = textOf(response);
    for (const session of server.sessions) breakOff(session);
    await assert.rejects(reading, (error) => {
      assert.ok(error instanceof TransportError);
      assert.ok(error.message.includes(`the API server at ${server.url} broke off`), error.message);
      return true;
    });
  }
});

function closeSocket(session: ServerHttp2Session): void {
  session.socket.destroy();
}

function destroySession(session: ServerHttp2Session): void {
  session.destroy();
}

async function textOf(response: HttpResponse): Promise<string> {
  let text = "";
  for await (const chunk of response.body) text += Buffer.from(chunk).toString();
  return text;
}

test("TlsTransport: a silent connection is given up after a ping without an answer", async () => {
  const clock = new FakeClock();
  await using server = await openServer((stream) => {
    stream.respond({ ":status": 200 });
  });
  await using proxy = await openProxy(Number(new URL(server.url).port));
  await using transport = transportTo(`https://127.0.0.1:${proxy.port}`, clock);
  const response = await transport.send({ method: "GET", path: "/x", headers: {} }, never);
  proxy.silence();
  const seen = { over: false };
  const reading = (async () => {
    for await (const chunk of response.body) assert.fail(String(chunk));
  })().catch(() => {
    seen.over = true;
  });
  for (let i = 0; !seen.over && i < 100; i++) {
    await clock.advance(16_000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  assert.equal(seen.over, true);
  await reading;
});

/** Passes bytes on to a port of loopback, until told to swallow them. */
async function openProxy(
  target: number,
): Promise<AsyncDisposable & { readonly port: number; silence(): void }> {
  const sockets: Socket[] = [];
  let silent = false;
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.push(from);
      from.on("error", () => undefined);
      from.on("data", (bytes) => {
        if (!silent) to.write(bytes);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      silent = true;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test("TlsTransport: an unknown authority and an unreachable address say what failed", async () => {
  await using server = await openServer((stream) => {
    answer(stream, {});
  });
  const other = await loopbackCertificates();
  await using wrong = new TlsTransport({
    server: server.url,
    certificateAuthority: other.authority.certificate,
    userAgent: "gantry/test",
    clock: systemClock,
  });
  const request = { method: "GET", path: "/", headers: {} } as const;
  await assert.rejects(wrong.send(request, never), /cannot reach the API server at https/);
  assert.throws(() => transportTo("127.0.0.1:6443"), /expected an address like https/);
});
