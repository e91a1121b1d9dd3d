import type { Buffer } from "node:buffer";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { expired } from "#api/status.ts";
import type { ByteSink } from "#apiserver/http/exchange.ts";
import { eventTypeFor, type CacheEvent, type FrameWriter } from "./cache-event.ts";
import type { EventRing } from "./event-ring.ts";
import type { ObjectFilter } from "./object-filter.ts";
import { WatchBatch } from "./watch-batch.ts";

/**
 * Most bytes of one write to a watcher, unless one event is larger. What a watcher that stops
 * reading costs the server is this and its share of what streams may hold unsent.
 */
export const writeBytesMax = 64 * 1024;
/** Sockets written in one turn: about 10 µs each, so that no turn takes much over a millisecond. */
const writesPerTurnMax = 128;
/** Turns that a watch whose time is up waits for its last bytes; a busy server has always some. */
const endTurnsMax = 100;
/** Events closer together than this are sent in windows. */
const idleGapMs = 20;
const windowMs = 10;
const busyWindowMs = 50;

/** One watch. The fields are the fan-out's. */
export class Watcher {
  readonly filter: ObjectFilter;
  readonly writer: FrameWriter;
  readonly sink: ByteSink;
  /** Events go to it as objects and not as bytes. */
  readonly takesObjects: boolean;
  readonly end: () => void;
  /** Every event before this sequence is in the sink, or is none of the watcher's business. */
  position = 0;
  state: "starting" | "live" | "lagging" | "closed" = "starting";

  constructor(it: {
    readonly filter: ObjectFilter;
    readonly writer: FrameWriter;
    readonly sink: ByteSink;
    /** Called once when the watch is over, after its last bytes were written. */
    readonly end: () => void;
  }) {
    this.filter = it.filter;
    this.writer = it.writer;
    this.sink = it.sink;
    this.takesObjects = it.sink.writeEvents !== undefined && it.writer.value !== undefined;
    this.end = it.end;
  }
}

/** Live watchers that ask for the same and get the same. */
interface Group {
  readonly id: string;
  readonly filter: ObjectFilter;
  readonly writer: FrameWriter;
  readonly takesObjects: boolean;
  readonly live: Set<Watcher>;
  /** Events since `position`, which go at the next flush. */
  pending: WatchBatch;
  position: number;
}

/** What is on its way to the watchers that were live when it was gathered. */
interface Delivery {
  readonly watchers: readonly Watcher[];
  readonly sendTo: (sink: ByteSink) => boolean;
  readonly start: number;
  readonly end: number;
}

/**
 * Carries the events of one kind to its watchers. A watcher is *live* while its socket takes what
 * it is given; one that does not is *lagging*, reads the ring at its own pace, and is ended when
 * the ring has dropped what it has not read. Nobody waits for anybody.
 */
export class WatchFanout implements AsyncDisposable {
  readonly #ring: EventRing;
  readonly #clock: Clock;
  readonly #nodeOf: (event: CacheEvent["object"]) => string | undefined;
  readonly #groups = new Map<string, Group>();
  readonly #anyNode = new Set<Group>();
  readonly #byNode = new Map<string, Set<Group>>();
  readonly #byKey = new Map<string, Set<Group>>();
  readonly #lagging = new Set<Watcher>();
  readonly #pending = new Set<Group>();
  readonly #tasks: TaskGroup;
  readonly #deliveries: Delivery[] = [];
  /** Position within the first delivery. */
  #delivered = 0;
  #delivering = false;
  #scheduled = false;
  #flushedAtMs = -Infinity;
  #watchers = 0;

  constructor(it: {
    readonly ring: EventRing;
    readonly clock: Clock;
    /** The `spec.nodeName` of an object; undefined for kinds without. */
    readonly nodeOf: (object: CacheEvent["object"]) => string | undefined;
    readonly onError: (error: unknown) => void;
  }) {
    this.#ring = it.ring;
    this.#clock = it.clock;
    this.#nodeOf = it.nodeOf;
    this.#tasks = new TaskGroup(it.onError);
  }

  /** Watchers that are live or lagging. */
  get size(): number {
    return this.#watchers;
  }

  /** Begins to deliver from sequence `from` on. */
  attach(watcher: Watcher, from: number): void {
    this.#watchers++;
    watcher.position = from;
    watcher.state = "lagging";
    this.#lagging.add(watcher);
    this.#catchUp(watcher);
  }

  /** Ends a watch without another word; idempotent. */
  detach(watcher: Watcher): void {
    if (watcher.state === "closed") return;
    if (watcher.state !== "starting") this.#watchers--;
    this.#leave(watcher);
    watcher.state = "closed";
    watcher.end();
  }

  /** The event is in the ring. Call {@link flushSoon} after the last one of a batch. */
  publish(event: CacheEvent): void {
    for (const group of this.#anyNode) this.#offer(group, event);
    for (const group of this.#byKey.get(event.object.key) ?? []) this.#offer(group, event);
    if (this.#byNode.size === 0) return;
    const now = this.#nodeOf(event.object);
    const before = event.previous === undefined ? undefined : this.#nodeOf(event.previous);
    if (now !== undefined) {
      for (const group of this.#byNode.get(now) ?? []) this.#offer(group, event);
    }
    if (before !== undefined && before !== now) {
      for (const group of this.#byNode.get(before) ?? []) this.#offer(group, event);
    }
  }

  /** Sends at once when it has been quiet, and gathers for a window when it has not. */
  flushSoon(busy: boolean): void {
    this.#endLostWatchers();
    const isQuiet = this.#pending.size === 0 && this.#deliveries.length === 0;
    if (this.#scheduled || isQuiet) return;
    if (this.#clock.monotonic() - this.#flushedAtMs >= idleGapMs) {
      this.flush();
      return;
    }
    this.#scheduled = true;
    this.#tasks.start(async (signal) => {
      await this.#clock.sleep(busy ? busyWindowMs : windowMs, signal);
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    this.#flushedAtMs = this.#clock.monotonic();
    for (const group of this.#pending) this.#flushGroup(group);
    this.#deliver();
  }

  /**
   * Writes `bytes` behind everything the watcher was sent so far. False when it is not live: it
   * has other things to read first.
   */
  send(watcher: Watcher, bytes: (writer: FrameWriter) => Buffer): boolean {
    if (watcher.state !== "live") return false;
    const group = this.#groupOf(watcher);
    this.#flushGroup(group);
    const written = bytes(watcher.writer);
    this.#deliveries.push({
      watchers: [watcher],
      sendTo: (sink) => sink.write(written),
      start: group.position,
      end: group.position,
    });
    this.#deliver();
    return true;
  }

  /** Ends a watch when what it was promised until now is written, or at once when it lags. */
  endAfterDelivery(watcher: Watcher, turns = endTurnsMax): void {
    if (watcher.state !== "live" || this.#deliveries.length === 0 || turns === 0) {
      this.detach(watcher);
      return;
    }
    setImmediate(() => {
      this.endAfterDelivery(watcher, turns - 1);
    });
  }

  /** Ends every watch with an ERROR event: the cache starts anew. */
  endAll(why: string): void {
    const live = [...this.#groups.values()].flatMap((it) => [...it.live]);
    for (const watcher of [...live, ...this.#lagging]) this.#cutOff(watcher, why);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const group of this.#groups.values()) for (const it of group.live) this.detach(it);
    for (const watcher of this.#lagging) this.detach(watcher);
    await this.#tasks[Symbol.asyncDispose]();
  }

  #offer(group: Group, event: CacheEvent): void {
    const type = eventTypeFor(event, group.filter);
    if (type === undefined) return;
    group.pending.add(event, type);
    this.#pending.add(group);
    if (group.pending.size >= writeBytesMax) this.#flushGroup(group);
  }

  #flushGroup(group: Group): void {
    const { pending, position } = group;
    group.position = this.#ring.next;
    if (pending.size === 0) return;
    group.pending = new WatchBatch(group);
    this.#pending.delete(group);
    this.#deliveries.push({
      watchers: [...group.live],
      sendTo: (sink) => pending.sendTo(sink),
      start: position,
      end: group.position,
    });
  }

  /** Writes out deliveries in order, a bounded number of sockets in a turn. */
  #deliver(): void {
    if (this.#delivering) return;
    let writes = 0;
    for (;;) {
      const delivery = this.#deliveries[0];
      if (delivery === undefined) return;
      const watcher = delivery.watchers[this.#delivered];
      if (watcher === undefined) {
        this.#deliveries.shift();
        this.#delivered = 0;
        continue;
      }
      if (writes === writesPerTurnMax) break;
      this.#delivered++;
      writes++;
      this.#deliverTo(watcher, delivery);
    }
    this.#delivering = true;
    setImmediate(() => {
      this.#delivering = false;
      this.#deliver();
    });
  }

  #deliverTo(watcher: Watcher, delivery: Delivery): void {
    // One that lagged meanwhile has read this from the ring, or will.
    if (watcher.state !== "live" || watcher.position > delivery.start) return;
    watcher.position = delivery.end;
    if (delivery.sendTo(watcher.sink)) return;
    this.#leave(watcher);
    watcher.state = "lagging";
    this.#lagging.add(watcher);
    watcher.sink.onceDrained(() => {
      this.#catchUp(watcher);
    });
  }

  /** Reads on from the ring until the socket is full or the watcher is live. */
  #catchUp(watcher: Watcher): void {
    if (watcher.state !== "lagging") return;
    if (watcher.position < this.#ring.first) {
      this.#cutOff(watcher, "the watch fell behind what the server keeps");
      return;
    }
    const batch = new WatchBatch(watcher);
    while (watcher.position < this.#ring.next && batch.size < writeBytesMax) {
      const event = this.#ring.at(watcher.position);
      watcher.position++;
      const type = event === undefined ? undefined : eventTypeFor(event, watcher.filter);
      if (event !== undefined && type !== undefined) batch.add(event, type);
    }
    const taken = batch.size === 0 || batch.sendTo(watcher.sink);
    if (!taken) {
      watcher.sink.onceDrained(() => {
        this.#catchUp(watcher);
      });
    } else if (watcher.position < this.#ring.next) {
      setImmediate(() => {
        this.#catchUp(watcher);
      });
    } else this.#join(watcher);
  }

  #join(watcher: Watcher): void {
    this.#lagging.delete(watcher);
    const group = this.#groupOf(watcher);
    // What the group has not sent yet, this watcher has read from the ring.
    this.#flushGroup(group);
    group.live.add(watcher);
    watcher.state = "live";
    this.#deliver();
  }

  #endLostWatchers(): void {
    for (const watcher of this.#lagging) {
      if (watcher.position < this.#ring.first) {
        this.#cutOff(watcher, "the watch fell behind what the server keeps");
      }
    }
  }

  #cutOff(watcher: Watcher, why: string): void {
    watcher.sink.write(
      watcher.writer.error(expired(`too old resource version: ${why}`).toObject()),
    );
    this.detach(watcher);
  }

  #groupOf(watcher: Watcher): Group {
    const { filter, writer, takesObjects } = watcher;
    const id = groupIdOf(watcher);
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group: Group = {
      id,
      filter,
      writer,
      takesObjects,
      live: new Set(),
      pending: new WatchBatch(watcher),
      position: this.#ring.next,
    };
    this.#groups.set(id, group);
    for (const set of this.#indexesOf(group)) set.add(group);
    return group;
  }

  #leave(watcher: Watcher): void {
    this.#lagging.delete(watcher);
    const group = this.#groups.get(groupIdOf(watcher));
    if (group === undefined) return;
    group.live.delete(watcher);
    if (group.live.size > 0) return;
    this.#groups.delete(group.id);
    this.#pending.delete(group);
    for (const set of this.#indexesOf(group)) set.delete(group);
    const { nodeName } = group.filter;
    if (nodeName !== undefined && this.#byNode.get(nodeName)?.size === 0) {
      this.#byNode.delete(nodeName);
    }
    const key = keyOf(group.filter);
    if (key !== undefined && this.#byKey.get(key)?.size === 0) this.#byKey.delete(key);
  }

  #indexesOf({ filter }: Group): Set<Group>[] {
    const key = keyOf(filter);
    if (key !== undefined) return [setIn(this.#byKey, key)];
    if (filter.nodeName !== undefined) return [setIn(this.#byNode, filter.nodeName)];
    return [this.#anyNode];
  }
}

/** Equal for watchers that get the same. */
function groupIdOf({ writer, filter, takesObjects }: Watcher): string {
  return `${writer.id}\n${takesObjects ? "objects" : "bytes"}\n${filter.id}`;
}

/** The one key that a filter can match, where it names an object of a namespace. */
function keyOf(filter: ObjectFilter): string | undefined {
  if (filter.name === undefined || filter.namespace === undefined) return undefined;
  return filter.namespace === "" ? filter.name : `${filter.namespace}/${filter.name}`;
}

function setIn<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}
