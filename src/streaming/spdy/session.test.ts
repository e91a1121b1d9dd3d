import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type Duplex, duplexPair, PassThrough } from "node:stream";
import { test } from "node:test";
import { createDeflate, constants } from "node:zlib";
import fc from "fast-check";
import { headerDictionary } from "./dictionary.ts";
import { encodePing, encodeSynStream, type Frame, SpdyProtocolError } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { decodeHeaders, encodeHeaders } from "./header-block.ts";
import { HeaderDeflater, HeaderInflater } from "./header-compression.ts";
import { SpdySession, streamsMax } from "./session.ts";
import type { SpdyStream } from "./stream.ts";
import { streamInboxBytes } from "./stream.ts";

const never = new AbortController().signal;

test("spdy dictionary: the 1423 bytes of the specification, Adler-32 e3c6a7c2", () => {
  let low = 1;
  let high = 0;
  for (const byte of headerDictionary) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  assert.equal(headerDictionary.length, 1423);
  assert.equal(((high << 16) | low) >>> 0, 0xe3c6a7c2);
});

test("header compression: blocks of our own stream come back, in order", async () => {
  const deflater = new HeaderDeflater();
  using inflater = new HeaderInflater();
  const blocks = ["a", "", "stdin", "x".repeat(200_000), "last"];
  for (const text of blocks) {
    const back = await inflater.decompress(deflater.compress(Buffer.from(text)));
    assert.equal(back.toString(), text);
  }
});

test("header compression: reads a stream deflated with the dictionary, flushed per block", async () => {
  using inflater = new HeaderInflater();
  const peer = createDeflate({ dictionary: headerDictionary, level: 9, windowBits: 11 });
  const out: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => out.push(chunk));
  for (const streamtype of ["error", "stdin", "stdout"]) {
    peer.write(encodeHeaders({ streamtype, "content-type": "text/plain" }));
    await new Promise<void>((resolve) => {
      peer.flush(constants.Z_SYNC_FLUSH, () => {
        resolve();
      });
    });
    const back = await inflater.decompress(Buffer.concat(out.splice(0)));
    assert.deepEqual(decodeHeaders(back), { streamtype, "content-type": "text/plain" });
  }
});

test("header compression: a bomb and garbage are protocol errors", async () => {
  using bombed = new HeaderInflater();
  const peer = createDeflate({ dictionary: headerDictionary });
  const bomb = peer.end(Buffer.alloc(50_000_000)).toArray();
  await assert.rejects(
    bombed.decompress(Buffer.concat(await bomb)),
    /SPDY header block over 262144 bytes/,
  );
  using inflater = new HeaderInflater();
  await assert.rejects(inflater.decompress(Buffer.from("garbage")), SpdyProtocolError);
});

test("frame reader: the same frames however the bytes are split", () => {
  const block = new HeaderDeflater().compress(encodeHeaders({ streamtype: "stdin" }));
  const wire = Buffer.concat([
    encodeSynStream(1, block, false),
    Buffer.from("00000001000000056162636465".replace(/^.{8}/, "00000001"), "hex"),
    encodePing(7),
    Buffer.from("0000000101000003666768", "hex"),
    Buffer.from("8003000400000004000000008003007700000000", "hex"),
  ]);
  const whole = summarise([...new FrameReader().push(wire)]);
  assert.deepEqual(whole, [
    "syn-stream 1",
    "data 1 abcde",
    "ping 7",
    "data 1 fgh fin",
    "settings",
    "unknown 119",
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(wire.length)), (cuts) => {
      const reader = new FrameReader();
      const frames: Frame[] = [];
      const edges = [0, ...cuts.toSorted((a, b) => a - b), wire.length];
      edges.slice(1).forEach((edge, index) => {
        frames.push(...reader.push(wire.subarray(edges[index], edge)));
      });
      assert.deepEqual(summarise(frames), whole);
    }),
  );
});

/** Data pieces of one frame are joined, as the splitting may cut them. */
function summarise(frames: readonly Frame[]): string[] {
  const lines: string[] = [];
  let open = false;
  for (const frame of frames) {
    if (frame.kind === "data") {
      const text = Buffer.from(frame.chunk).toString();
      if (open) lines.push(`${lines.pop() ?? ""}${text}`);
      else lines.push(`data ${frame.streamId} ${text}`);
      open = !/abcde$|fgh$/.test(lines.at(-1) ?? "");
      if (frame.fin) lines.push(`${lines.pop() ?? ""} fin`);
    } else if (frame.kind === "ping") lines.push(`ping ${frame.id}`);
    else if (frame.kind === "unknown") lines.push(`unknown ${frame.type}`);
    else if ("streamId" in frame) lines.push(`${frame.kind} ${frame.streamId}`);
    else lines.push(frame.kind);
  }
  return lines;
}

test("frame reader: random bytes end in frames or a protocol error, never in anything else", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
      const reader = new FrameReader();
      try {
        for (const chunk of chunks) for (const frame of reader.push(chunk)) assert.ok(frame.kind);
      } catch (error) {
        assert.ok(error instanceof SpdyProtocolError);
      }
    }),
  );
});

function pair(): { client: SpdySession; server: SpdySession } {
  const [left, right] = duplexPair();
  return {
    client: new SpdySession(left, { role: "client" }),
    server: new SpdySession(right, { role: "server" }),
  };
}

async function nextStream(session: SpdySession): Promise<SpdyStream> {
  for await (const stream of session.incoming()) {
    stream.reply();
    return stream;
  }
  throw new Error("the session ended without a stream");
}

async function collect<T>(input: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of input) all.push(item);
  return all;
}

async function text(input: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await collect(input)).toString();
}

test("session: headers, data both ways, half-close, then both forget the stream", async () => {
  const { client, server } = pair();
  const [ours, theirs] = await Promise.all([
    client.open({ StreamType: "stdin" }, never),
    nextStream(server),
  ]);
  assert.deepEqual(theirs.headers, { streamtype: "stdin" });
  await ours.write(Buffer.from("hello "));
  await ours.write(Buffer.from("world"));
  ours.end();
  assert.equal(await text(theirs.input), "hello world");
  await theirs.write(Buffer.from("still open"));
  theirs.end();
  assert.equal(await text(ours.input), "still open");
  await Promise.all([ours.closed, theirs.closed]);
  await assert.rejects(ours.write(Buffer.from("x")), /closed for writing/);
  client.close();
  await Promise.all([client.closed, server.closed]);
});

test("session: 8 MiB on several streams at once arrive whole", async () => {
  const { client, server } = pair();
  const size = 2 * 1024 * 1024;
  const sent = Buffer.alloc(size, "0123456789abcdef");
  const results = await Promise.all(
    [0, 1, 2, 3].map(async () => {
      const [ours, theirs] = await Promise.all([client.open({}, never), nextStream(server)]);
      const reading = collect(theirs.input);
      await ours.write(sent);
      ours.end();
      return Buffer.concat(await reading).equals(sent);
    }),
  );
  assert.deepEqual(results, [true, true, true, true]);
  client.destroy();
  await Promise.all([client.closed, server.closed]);
});

test("session: a slow reader stops the writer, and what waits stays bounded", async () => {
  const { client, server } = pair();
  const [ours, theirs] = await Promise.all([client.open({}, never), nextStream(server)]);
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const writing = (async () => {
    for (; written < 100; written++) await ours.write(chunk);
    ours.end();
  })();
  for (let turn = 0; turn < 2_000; turn++) await new Promise(setImmediate);
  assert.ok(written * chunk.length < streamInboxBytes + 8 * chunk.length, `${written} chunks`);
  let read = 0;
  for await (const part of theirs.input) read += part.length;
  await writing;
  assert.equal(read, 100 * chunk.length);
  client.close();
});

test("session: a reader that leaves does not stop the other streams", async () => {
  const { client, server } = pair();
  const [left, leftPeer] = await Promise.all([client.open({}, never), nextStream(server)]);
  const [right, rightPeer] = await Promise.all([client.open({}, never), nextStream(server)]);
  const writing = left.write(Buffer.alloc(3 * streamInboxBytes));
  for await (const chunk of leftPeer.input) {
    assert.ok(chunk.length > 0);
    break;
  }
  await writing;
  await right.write(Buffer.from("through"));
  right.end();
  assert.equal(await text(rightPeer.input), "through");
  client.destroy();
});

test("session: reset refuses an open, and ends an open stream for both", async () => {
  const { client, server } = pair();
  const refusing = (async () => {
    for await (const stream of server.incoming()) {
      stream.reset(3);
      return;
    }
  })();
  await assert.rejects(client.open({}, never), /refused SPDY stream 1/);
  await refusing;
  const [ours, theirs] = await Promise.all([client.open({}, never), nextStream(server)]);
  await theirs.write(Buffer.from("before"));
  theirs.reset(5);
  assert.equal(await text(ours.input), "before");
  assert.equal(await text(theirs.input), "");
  await assert.rejects(ours.write(Buffer.from("x")), /closed for writing/);
  client.close();
});

test("session: goodbye ends the peer's streams; a broken connection fails them", async () => {
  const polite = pair();
  const [, theirs] = await Promise.all([polite.client.open({}, never), nextStream(polite.server)]);
  polite.client.close();
  assert.equal(await text(theirs.input), "");
  assert.deepEqual(await collect(polite.server.incoming()), []);
  await assert.rejects(polite.client.open({}, never), /open a stream: the SPDY session is over/);

  const [left, right] = duplexPair();
  const client = new SpdySession(left, { role: "client" });
  const server = new SpdySession(right, { role: "server" });
  const [ours] = await Promise.all([client.open({}, never), nextStream(server)]);
  left.destroy(new Error("cable cut"));
  await assert.rejects(text(ours.input), /cable cut/);
  server.destroy();
});

test("session: bytes that are not SPDY end it with a protocol error", async () => {
  const [left, right] = duplexPair();
  const session = new SpdySession(left, { role: "client" });
  const opening = session.open({}, never);
  right.write("\xff\xffHTTP/1.1 400 Bad Request\r\n\r\n", "latin1");
  await assert.rejects(opening, (error: Error) => error.cause instanceof SpdyProtocolError);
  await session.closed;
});

test("session: an open that is aborted resets its stream", async () => {
  const { client, server } = pair();
  const stop = new AbortController();
  const opening = client.open({}, stop.signal);
  stop.abort(new Error("no patience"));
  await assert.rejects(opening, /no patience/);
  const [stream] = await Promise.all([client.open({}, never), secondStream(server)]);
  assert.equal(stream.id, 3);
  client.destroy();
});

async function secondStream(session: SpdySession): Promise<void> {
  for await (const stream of session.incoming()) {
    if (stream.id === 3) {
      stream.reply();
      return;
    }
  }
}

test("session: answers a ping of the peer and not its own", async () => {
  const [left, right] = duplexPair();
  const session = new SpdySession(left, { role: "client" });
  right.write(Buffer.concat([encodePing(1), encodePing(2)]));
  const [answer] = (await once(right, "data")) as [Buffer];
  assert.deepEqual(answer, encodePing(2));
  session.destroy();
});

test("session: more streams than the bound are refused", async () => {
  const { client, server } = pair();
  const accepting = (async () => {
    for await (const stream of server.incoming()) stream.reply();
  })();
  for (let index = 0; index < streamsMax; index++) await client.open({}, never);
  await assert.rejects(client.open({}, never), /refused/);
  client.close();
  await accepting;
});

test("session: runs over TCP with the bytes after the upgrade handed in", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const socket: Duplex = connect(address.port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  const client = new SpdySession(socket, { role: "client" });
  const opening = client.open({ port: "80" }, never);
  const [head] = (await once(accepted, "data")) as [Buffer];
  accepted.pause();
  const session = new SpdySession(accepted, { role: "server", head });
  const [ours, theirs] = await Promise.all([opening, nextStream(session)]);
  const echo = (async () => {
    for await (const chunk of theirs.input) await theirs.write(chunk);
    theirs.end();
  })();
  const reading = collect(ours.input);
  const sent = Buffer.alloc(3_000_000, "tcp");
  await ours.write(sent);
  ours.end();
  await echo;
  assert.ok(Buffer.concat(await reading).equals(sent));
  session.close();
  await Promise.all([client.closed, session.closed]);
  server.close();
});

test("session: over a connection that echoes it ends with a protocol error", async () => {
  const session = new SpdySession(new PassThrough(), { role: "client" });
  await assert.rejects(session.open({}, never), /session is over/);
});
