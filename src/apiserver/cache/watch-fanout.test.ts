import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "#base/clock.ts";
import { CachedObject } from "./cached-object.ts";
import type { CacheEvent, EventType, FrameWriter } from "./cache-event.ts";
import { EventRing, ringBytesMax } from "./event-ring.ts";
import { objectFilter } from "./object-filter.ts";
import { Watcher, WatchFanout, writeBytesMax } from "./watch-fanout.ts";

/** A socket of which the test decides when it is full. */
class TestSink {
  text = "";
  /** Length of the longest write. */
  longest = 0;
  isFull = false;
  #listener: (() => void) | undefined;

  write(bytes: Uint8Array): boolean {
    this.text += Buffer.from(bytes).toString();
    this.longest = Math.max(this.longest, bytes.length);
    return !this.isFull;
  }

  onceDrained(listener: () => void): void {
    this.#listener = listener;
  }

  drain(): void {
    this.isFull = false;
    this.#listener?.();
  }

  /** What was written, and forgets it. */
  take(): string {
    const { text } = this;
    this.text = "";
    return text.trim();
  }
}

let framesMade = 0;
const writer: FrameWriter = {
  id: "test",
  frame(type, object, revision = object.revision) {
    framesMade++;
    return Buffer.from(`${type}:${object.key}@${revision} `);
  },
  bookmark: (revision) => Buffer.from(`BOOKMARK@${revision} `),
  error: () => Buffer.from("ERROR "),
};

function object(
  key: string,
  revision: number,
  labels: Record<string, string>,
  length = 2,
): CachedObject {
  const buffer = Buffer.from("{}");
  const at = { buffer, start: 0, length, metadataLength: 2 };
  return new CachedObject({ key, revision, labels, fields: [labels["node"] ?? ""], ...at });
}

interface World {
  readonly fanout: WatchFanout;
  readonly ring: EventRing;
  /** Publishes a change: `type key labels`. */
  readonly emit: (type: EventType, key: string, now: Labels, before?: Labels) => void;
  readonly watch: (
    filter: Parameters<typeof objectFilter>[0],
    from?: number,
  ) => [Watcher, TestSink];
  readonly ended: Watcher[];
}

type Labels = Record<string, string>;

function world(clock = new FakeClock(1_000)): World {
  const ring = new EventRing(0);
  const fanout = new WatchFanout({
    ring,
    clock,
    nodeOf: (it) => it.fields[0],
    onError: (error) => {
      throw error;
    },
  });
  let revision = 0;
  const ended: Watcher[] = [];
  return {
    fanout,
    ring,
    ended,
    emit(type, key, now, before) {
      revision++;
      const previous = before === undefined ? undefined : object(key, revision - 1, before);
      const event: CacheEvent = {
        revision,
        type,
        object: object(key, revision, now),
        previous,
        frames: new Map(),
      };
      ring.append(event);
      fanout.publish(event);
      fanout.flush();
    },
    watch(filter, from = ring.next) {
      const sink = new TestSink();
      const watcher: Watcher = new Watcher({
        filter: objectFilter(filter),
        writer,
        sink,
        end: () => ended.push(watcher),
      });
      fanout.attach(watcher, from);
      return [watcher, sink];
    },
  };
}

const all = { id: "", namespace: undefined };

test("fan-out: equal watchers share one frame for each event", () => {
  const { emit, watch } = world();
  const sinks = Array.from({ length: 50 }, () => watch(all)[1]);
  framesMade = 0;
  emit("ADDED", "a/1", {});
  assert.equal(framesMade, 1);
  assert.deepEqual([...new Set(sinks.map((it) => it.take()))], ["ADDED:a/1@1"]);
});

test("fan-out: objects enter and leave a selection", () => {
  const { emit, watch } = world();
  const [, sink] = watch({ id: "on", namespace: "a", labels: (it) => it["on"] === "1" });
  emit("ADDED", "a/1", {});
  emit("MODIFIED", "a/1", { on: "1" }, {});
  emit("MODIFIED", "a/1", { on: "1", x: "y" }, { on: "1" });
  emit("MODIFIED", "a/1", {}, { on: "1" });
  emit("ADDED", "b/1", { on: "1" });
  emit("ADDED", "a/2", { on: "1" });
  emit("DELETED", "a/2", { on: "1" });
  assert.equal(sink.take(), "ADDED:a/1@2 MODIFIED:a/1@3 DELETED:a/1@4 ADDED:a/2@6 DELETED:a/2@7");
});

test("fan-out: watches of one node or one object hear of nothing else", () => {
  const { emit, watch } = world();
  const fields = (node: string) => (it: CachedObject) => it.fields[0] === node;
  const [, one] = watch({ id: "n1", namespace: undefined, nodeName: "n1", fields: fields("n1") });
  const [, other] = watch({ id: "n2", namespace: undefined, nodeName: "n2", fields: fields("n2") });
  const [, named] = watch({ id: "name", namespace: "a", name: "1" });
  emit("ADDED", "a/1", {});
  emit("MODIFIED", "a/1", { node: "n1" }, {});
  emit("MODIFIED", "a/1", { node: "n2" }, { node: "n1" });
  emit("ADDED", "a/2", { node: "n1" });
  assert.equal(one.take(), "ADDED:a/1@2 DELETED:a/1@3 ADDED:a/2@4");
  assert.equal(other.take(), "ADDED:a/1@3");
  assert.equal(named.take(), "ADDED:a/1@1 MODIFIED:a/1@2 MODIFIED:a/1@3");
});

test("fan-out: a watch that begins in the past reads the ring, then lives", async () => {
  const { emit, watch, ring } = world();
  for (let i = 1; i <= 3; i++) emit("ADDED", `a/${i}`, {});
  const [watcher, sink] = watch(all, ring.after(1));
  assert.equal(sink.take(), "ADDED:a/2@2 ADDED:a/3@3");
  assert.equal(watcher.state, "live");
  emit("ADDED", "a/4", {});
  await turn();
  assert.equal(sink.take(), "ADDED:a/4@4");
});

test("fan-out: a full socket is passed over, and catches up without gap or repetition", () => {
  const { emit, watch } = world();
  const [slow, slowSink] = watch(all);
  const [, fastSink] = watch(all);
  slowSink.isFull = true;
  emit("ADDED", "a/1", {});
  assert.equal(slow.state, "lagging");
  emit("ADDED", "a/2", {});
  emit("ADDED", "a/3", {});
  assert.equal(fastSink.take(), "ADDED:a/1@1 ADDED:a/2@2 ADDED:a/3@3");
  assert.equal(slowSink.take(), "ADDED:a/1@1");
  slowSink.drain();
  assert.equal(slowSink.take(), "ADDED:a/2@2 ADDED:a/3@3");
  assert.equal(slow.state, "live");
  emit("ADDED", "a/4", {});
  assert.equal(slowSink.take(), "ADDED:a/4@4");
});

test("fan-out: who is further behind than the ring keeps is ended with an error", () => {
  const { emit, watch, ring, ended, fanout } = world();
  const [slow, sink] = watch(all);
  sink.isFull = true;
  emit("ADDED", "a/1", {});
  emit("ADDED", "a/2", {});
  const big = object("a/3", 3, {}, ringBytesMax);
  const event = { revision: 3, object: big, previous: undefined, frames: new Map() };
  ring.append({ ...event, type: "ADDED" });
  fanout.flushSoon(false);
  assert.deepEqual(ended, [slow]);
  assert.match(sink.take(), /ERROR$/);
  assert.equal(fanout.size, 0);
});

test("fan-out: a bookmark comes behind what was sent, never before", () => {
  const { watch, fanout, ring } = world();
  const [watcher, sink] = watch(all);
  const event: CacheEvent = {
    revision: 1,
    type: "ADDED",
    object: object("a/1", 1, {}),
    previous: undefined,
    frames: new Map(),
  };
  ring.append(event);
  fanout.publish(event);
  assert.equal(
    fanout.send(watcher, (it) => it.bookmark(1, false)),
    true,
  );
  assert.equal(sink.take(), "ADDED:a/1@1 BOOKMARK@1");
});

test("fan-out: events that come close together go out in one window", async () => {
  const clock = new FakeClock(1_000);
  const { watch, fanout, ring } = world(clock);
  const [, sink] = watch(all);
  const publish = (revision: number): void => {
    const it = object("a/1", revision, {});
    const event = { revision, object: it, previous: undefined, frames: new Map() };
    ring.append({ ...event, type: "ADDED" });
    fanout.publish({ ...event, type: "ADDED" });
    fanout.flushSoon(false);
  };
  publish(1);
  assert.equal(sink.take(), "ADDED:a/1@1");
  publish(2);
  publish(3);
  assert.equal(sink.take(), "");
  await clock.advance(10);
  await turn();
  assert.equal(sink.take(), "ADDED:a/1@2 ADDED:a/1@3");
});

test("fan-out: a burst is written in pieces, to those who hear it and to those who catch up", async () => {
  const clock = new FakeClock(1_000);
  const { watch, fanout, ring } = world(clock);
  const [, live] = watch(all);
  const [, lagging] = watch(all);
  lagging.isFull = true;
  const count = Math.ceil((writeBytesMax * 3) / "ADDED:a/1@1 ".length);
  for (let revision = 1; revision <= count; revision++) {
    const it = object("a/1", revision, {});
    const event = { revision, object: it, previous: undefined, frames: new Map() };
    ring.append({ ...event, type: "ADDED" });
    fanout.publish({ ...event, type: "ADDED" });
  }
  fanout.flushSoon(false);
  const wanted = Array.from({ length: count }, (_, i) => `ADDED:a/1@${i + 1}`).join(" ");
  const isOneMore = (bytes: number): boolean => bytes < writeBytesMax + "ADDED:a/1@99999 ".length;
  assert.equal(live.take(), wanted);
  assert.ok(isOneMore(live.longest));
  lagging.drain();
  while (fanout.size > 0 && !lagging.text.includes(`@${count} `)) await turn();
  assert.equal(lagging.take(), wanted);
  assert.ok(isOneMore(lagging.longest));
});

test("ring: positions by revision, and undefined for what was dropped", () => {
  const ring = new EventRing(10);
  const append = (revision: number, length: number): void => {
    const it = object("a/1", revision, {}, length);
    ring.append({ revision, type: "ADDED", object: it, previous: undefined, frames: new Map() });
  };
  append(12, 2);
  append(15, 2);
  assert.deepEqual(
    [9, 10, 11, 12, 14, 15, 20].map((it) => ring.after(it)),
    [undefined, 0, 0, 1, 1, 2, 2],
  );
  append(16, ringBytesMax);
  assert.equal(ring.after(15), undefined);
  assert.equal(ring.after(16), ring.next);
});
