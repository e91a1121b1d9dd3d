import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { eventually } from "#testing/eventually.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { openStreams } from "#testing/raw-streams.ts";
import type { ByteSink } from "./exchange.ts";
import { openHttpFront } from "./front.ts";
import { sinkBytesMax, unsentBytesMax } from "./limits.ts";
import { UnsentBytes, type Outgoing } from "./unsent-bytes.ts";

/** A response whose client reads when the test says so. */
class TestOutgoing extends EventEmitter implements Outgoing {
  destroyed = false;
  writableEnded = false;
  writableLength = 0;

  write(bytes: Uint8Array): boolean {
    this.writableLength += bytes.length;
    return this.writableLength < 65_536;
  }
}

const shares: [streams: number, share: number][] = [
  [0, sinkBytesMax],
  [1, sinkBytesMax],
  [unsentBytesMax / sinkBytesMax, sinkBytesMax],
  [(unsentBytesMax / sinkBytesMax) * 2, sinkBytesMax / 2],
  [1_024, 65_536],
];
for (const [streams, share] of shares) {
  test(`UnsentBytes: ${streams} streams have ${share} bytes each`, () => {
    const unsent = new UnsentBytes();
    const all = Array.from({ length: streams }, () => new TestOutgoing());
    for (const it of all) unsent.sinkOf(it);
    assert.equal(unsent.share, share);
    for (const it of all) it.emit("close");
    assert.equal(unsent.share, sinkBytesMax);
  });
}

test("UnsentBytes: a stream is full at its share, and one that is gone never", () => {
  const unsent = new UnsentBytes();
  const outgoing = new TestOutgoing();
  const sink = unsent.sinkOf(outgoing);
  const piece = new Uint8Array(sinkBytesMax / 2);
  assert.equal(sink.write(piece), true);
  assert.equal(sink.write(piece), false);
  let drained = 0;
  sink.onceDrained(() => drained++);
  outgoing.emit("drain");
  assert.equal(drained, 1);
  outgoing.destroyed = true;
  assert.equal(sink.write(piece), true);
});

test(
  "HttpFront: what clients do not read is bounded in all, and comes when they read",
  { timeout: 180_000 },
  async () => {
    const { authority, server } = await loopbackCertificates();
    const sinks: ByteSink[] = [];
    await using front = await openHttpFront({
      tls: { key: server.key, cert: server.certificate, clientCa: authority.certificate },
      host: "127.0.0.1",
      port: 0,
      handler: async (request) => {
        request.longRunning();
        const run = async (sink: ByteSink, signal: AbortSignal): Promise<void> => {
          sinks.push(sink);
          await once(signal, "abort");
        };
        return { status: 200, headers: {}, body: { kind: "stream", live: true, run } };
      },
      upgrade: () => Promise.resolve(),
      clock: systemClock,
      log: silentLogger,
    });
    const count = 200;
    const piece = Buffer.alloc(32 * 1024, "x");
    await using readers = await openStreams(
      front.port,
      Array.from({ length: count }, () => "/"),
      8,
    );
    await eventually(() => {
      assert.equal(sinks.length, count);
    });
    let written = 0;
    let drained = 0;
    for (const sink of sinks) {
      for (let isRoomy = true; isRoomy;) {
        isRoomy = sink.write(piece);
        written += piece.length;
      }
      sink.onceDrained(() => drained++);
    }
    // Each takes one piece more than its share.
    assert.ok(written <= unsentBytesMax + count * piece.length, `${written} bytes are held`);
    assert.equal(drained, 0);
    let received = 0;
    for (const it of readers.streams) it.on("data", (bytes: Buffer) => (received += bytes.length));
    await eventually(() => {
      assert.equal(received, written);
      assert.equal(drained, count);
    });
  },
);
