import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { WebSocket } from "ws";
import { FakeClock } from "#base/clock.ts";
import { SpdySession } from "#streaming/spdy/session.ts";
import { acceptSpdyUpgrade, openUpgrade } from "#streaming/upgrade.ts";
import { acceptWebSocket, chooseProtocol, offeredProtocols } from "#streaming/websocket/accept.ts";
import { encodeTerminalSize, readTerminalSizes } from "./channels.ts";
import type { CommandStreams, WantedStreams } from "./command-streams.ts";
import type { CommandResult } from "./exit-status.ts";
import { commandSpdyProtocols, openSpdyCommand, streamCreationMs } from "./spdy-server.ts";
import { commandWebSocketProtocols, openWebSocketCommand } from "./websocket-server.ts";

const never = new AbortController().signal;
const everything: WantedStreams = { stdin: true, stdout: true, stderr: true, tty: false };

type Accept = (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

async function serve(accept: Accept): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  const errors: unknown[] = [];
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    accept(request, socket, head).catch((error: unknown) => {
      errors.push(error);
      socket.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** A command that answers with what it reads, in capitals on stderr, when its input has ended. */
async function shout(streams: CommandStreams, result: CommandResult): Promise<void> {
  for await (const chunk of streams.stdin) {
    await streams.writeStdout(chunk);
    await streams.writeStderr(Buffer.from(Buffer.from(chunk).toString().toUpperCase()));
    if (Buffer.from(chunk).includes("\n")) break;
  }
  await streams.finish(result);
}

async function webSocketServer(result: CommandResult): ReturnType<typeof serve> {
  return await serve(async (request, socket, head) => {
    const protocol = chooseProtocol(offeredProtocols(request), commandWebSocketProtocols);
    assert.ok(protocol !== undefined);
    const connection = await acceptWebSocket(request, socket, head, protocol);
    await shout(openWebSocketCommand(connection, protocol, everything), result);
  });
}

async function talk(
  url: string,
  protocol: string,
  messages: readonly (string | Buffer)[],
): Promise<{ readonly received: string[]; readonly code: number; readonly protocol: string }> {
  const client = new WebSocket(url, protocol === "" ? [] : [protocol]);
  const received: string[] = [];
  client.on("message", (data) => {
    assert.ok(data instanceof Buffer);
    received.push(data.toString("latin1"));
  });
  await once(client, "open");
  for (const message of messages) client.send(message);
  const [code] = (await once(client, "close")) as [number];
  return { received, code, protocol: client.protocol };
}

const failure =
  '\x03{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 3","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}';

const conversations: {
  protocol: string;
  code: number;
  send: readonly (string | Buffer)[];
  want: readonly string[];
}[] = [
  {
    protocol: "v5.channel.k8s.io",
    code: 3,
    send: [Buffer.from("\0ab"), Buffer.of(255, 0)],
    want: ["\x01", "\x01ab", "\x02AB", failure],
  },
  {
    protocol: "v5.channel.k8s.io",
    code: 0,
    send: [Buffer.of(255, 0)],
    want: ["\x01", '\x03{"metadata":{},"status":"Success"}'],
  },
  {
    protocol: "v4.channel.k8s.io",
    code: 3,
    send: [Buffer.from("\0ab\n")],
    want: ["\x01", "\x01ab\n", "\x02AB\n", failure],
  },
  {
    protocol: "channel.k8s.io",
    code: 3,
    send: [Buffer.from("\0ab\n")],
    want: [
      "\x01",
      "\x01ab\n",
      "\x02AB\n",
      "\x03command terminated with non-zero exit code: exit status 3",
    ],
  },
  { protocol: "", code: 0, send: [Buffer.from("\0a\n")], want: ["\x01", "\x01a\n", "\x02A\n"] },
  {
    protocol: "base64.channel.k8s.io",
    code: 0,
    send: [`0${btoa("ab\n")}`],
    want: ["1", `1${btoa("ab\n")}`, `2${btoa("AB\n")}`],
  },
  {
    protocol: "v4.base64.channel.k8s.io",
    code: 0,
    send: [`0${btoa("ab\n")}`],
    want: [
      "1",
      `1${btoa("ab\n")}`,
      `2${btoa("AB\n")}`,
      `3${btoa('{"metadata":{},"status":"Success"}')}`,
    ],
  },
];

for (const { protocol, code, send, want } of conversations) {
  test(`command over WebSocket: ${protocol || "no subprotocol"}, exit code ${code}`, async () => {
    await using server = await webSocketServer({ kind: "exit", code });
    const heard = await talk(`ws://127.0.0.1:${server.port}/`, protocol, send);
    assert.deepEqual(heard, { received: want, code: 1000, protocol });
  });
}

test("command over WebSocket: a client that leaves is seen, and writing to it fails", async () => {
  const over = Promise.withResolvers<unknown>();
  await using server = await serve(async (request, socket, head) => {
    const connection = await acceptWebSocket(request, socket, head, "v5.channel.k8s.io");
    const streams = openWebSocketCommand(connection, "v5.channel.k8s.io", everything);
    await streams.closed;
    for await (const chunk of streams.stdin) assert.fail(`read ${String(chunk.length)} bytes`);
    over.resolve(await streams.writeStdout(Buffer.from("x")).catch((error: unknown) => error));
  });
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/`, ["v5.channel.k8s.io"]);
  await once(client, "open");
  client.terminate();
  assert.ok((await over.promise) instanceof Error);
});

test("command over WebSocket: a slow client holds the writer back, and gets all of it", async () => {
  const total = 64;
  const chunk = Buffer.alloc(1024 * 1024, "x");
  let written = 0;
  await using server = await serve(async (request, socket, head) => {
    const connection = await acceptWebSocket(request, socket, head, "v5.channel.k8s.io");
    const streams = openWebSocketCommand(connection, "v5.channel.k8s.io", everything);
    for (; written < total; written += 1) await streams.writeStdout(chunk);
    await streams.finish({ kind: "exit", code: 0 });
  });
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/`, ["v5.channel.k8s.io"]);
  let received = 0;
  client.on("message", (data) => {
    assert.ok(data instanceof Buffer);
    if (data[0] === 1) received += data.length - 1;
  });
  await once(client, "open");
  client.pause();
  // The kernel's buffers fill up, and then nothing is written any more.
  for (let same = 0; same < 200;) {
    const before = written;
    await new Promise((resolve) => setImmediate(resolve));
    same = before === written ? same + 1 : 0;
  }
  assert.ok(written < total, "the writer was held back");
  client.resume();
  await once(client, "close");
  assert.equal(received, total * chunk.length);
});

async function spdyServer(
  wanted: WantedStreams,
  use: (streams: CommandStreams) => Promise<void>,
  clock = new FakeClock(),
): ReturnType<typeof serve> {
  return await serve(async (request, socket, head) => {
    const chosen = acceptSpdyUpgrade(request, socket, commandSpdyProtocols);
    const protocol = commandSpdyProtocols.find((it) => it === chosen) ?? "channel.k8s.io";
    const session = new SpdySession(socket, { role: "server", head });
    await use(await openSpdyCommand(session, protocol, wanted, clock));
  });
}

async function spdyClient(port: number, protocol: string): Promise<SpdySession> {
  const upgraded = await openUpgrade(
    {
      url: new URL(`http://127.0.0.1:${port}/exec`),
      method: "POST",
      upgrade: "SPDY/3.1",
      headers: protocol === "" ? {} : { "x-stream-protocol-version": protocol },
    },
    never,
  );
  return new SpdySession(upgraded.connection, { role: "client", head: upgraded.head });
}

async function textOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const spdyCases: [protocol: string, error: string][] = [
  ["v4.channel.k8s.io", failure.slice(1)],
  ["v3.channel.k8s.io", "command terminated with non-zero exit code: exit status 3"],
  ["v2.channel.k8s.io", "command terminated with non-zero exit code: exit status 3"],
  ["", "command terminated with non-zero exit code: exit status 3"],
];
for (const [protocol, want] of spdyCases) {
  test(`command over SPDY: ${protocol || "no protocol"}`, async () => {
    await using server = await spdyServer(everything, (streams) =>
      shout(streams, { kind: "exit", code: 3 }),
    );
    const session = await spdyClient(server.port, protocol);
    const error = await session.open({ streamtype: "error" }, never);
    const stdin = await session.open({ streamtype: "stdin" }, never);
    const stdout = await session.open({ streamtype: "stdout" }, never);
    const stderr = await session.open({ streamtype: "stderr" }, never);
    await stdin.write(Buffer.from("ab"));
    stdin.end();
    assert.deepEqual(
      await Promise.all([textOf(stdout.input), textOf(stderr.input), textOf(error.input)]),
      ["ab", "AB", want],
    );
    await session.closed;
  });
}

test("command over SPDY: a terminal's sizes, and streams that were not asked for", async () => {
  const sizes = Promise.withResolvers<unknown>();
  const wanted = { stdin: false, stdout: true, stderr: false, tty: true };
  await using server = await spdyServer(wanted, async (streams) => {
    for await (const size of readTerminalSizes(streams.resizes)) {
      sizes.resolve(size);
      break;
    }
    await streams.finish({ kind: "error", message: "it broke" });
  });
  const session = await spdyClient(server.port, "v4.channel.k8s.io");
  const error = await session.open({ streamtype: "error" }, never);
  await assert.rejects(session.open({ streamtype: "stdin" }, never));
  await session.open({ streamtype: "stdout" }, never);
  const resize = await session.open({ streamtype: "resize" }, never);
  await resize.write(encodeTerminalSize(97, 31));
  assert.deepEqual(await sizes.promise, { columns: 97, rows: 31 });
  assert.match(await textOf(error.input), /Internal error occurred: it broke/);
});

test("command over SPDY: a client that opens too little is given up", async () => {
  const clock = new FakeClock();
  await using server = await spdyServer(
    everything,
    () => Promise.reject(new Error("never")),
    clock,
  );
  const session = await spdyClient(server.port, "v4.channel.k8s.io");
  await session.open({ streamtype: "error" }, never);
  await clock.advance(streamCreationMs);
  await session.closed;
});
