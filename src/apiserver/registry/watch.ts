import { Buffer } from "node:buffer";
import { expired, StatusError } from "#api/status.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import type { Leaves } from "#apiserver/cache/leaf-index.ts";
import type { ObjectFilter } from "#apiserver/cache/object-filter.ts";
import type { Asker } from "#apiserver/cache/registry-cache.ts";
import type { ResourceCache } from "#apiserver/cache/resource-cache.ts";
import { Watcher, writeBytesMax } from "#apiserver/cache/watch-fanout.ts";
import { drained, nextTurn, type ByteSink, type ResponseBody } from "#apiserver/http/exchange.ts";
import type { Representation } from "#apiserver/negotiate/representation.ts";
import type { RegistryPorts } from "./kind.ts";
import { checkListOptions, parseRevision, type ListOptions } from "./list-options.ts";
import type { WatchTimers } from "./watch-timers.ts";

const scannedPerTurn = 50_000;

export interface WatchRequest {
  readonly cache: ResourceCache;
  readonly options: ListOptions;
  readonly filter: ObjectFilter;
  readonly representation: Representation;
  readonly timers: WatchTimers;
  readonly asker: Asker;
}

/** Where a watch begins. */
interface Begin {
  /** Objects to send first, as ADDED; undefined: none. */
  readonly initial: Leaves | undefined;
  readonly revision: number;
  /** Sequence of the first event to send. */
  readonly next: number;
}

/**
 * The response of a watch. Faults of the options are thrown; what is found out when the watch has
 * begun (410, 504) is an ERROR event, as clients expect.
 * @throws {StatusError} 400, 422
 */
export async function watchBody(
  ports: RegistryPorts,
  request: WatchRequest,
): Promise<ResponseBody> {
  const { options, representation } = request;
  checkListOptions(options, true);
  parseRevision(options.resourceVersion);
  let begin: Begin;
  try {
    begin = await findBegin(ports, request);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { kind: "bytes", bytes: representation.error(error.toObject()) };
  }
  return {
    kind: "stream",
    live: true,
    run: (sink, signal) => runWatch(request, begin, sink, signal),
  };
}

async function findBegin(ports: RegistryPorts, request: WatchRequest): Promise<Begin> {
  const { cache, options, asker } = request;
  const revision = parseRevision(options.resourceVersion);
  const wantsInitial = options.sendInitialEvents ?? (revision === undefined || revision === 0);
  if (revision === undefined) await ports.cache.fresh(asker);
  else await ports.cache.notOlderThan(revision, asker);
  if (wantsInitial || revision === undefined || revision === 0) {
    return {
      initial: wantsInitial ? cache.leaves() : undefined,
      revision: ports.cache.revision,
      next: cache.ring.next,
    };
  }
  const next = revision < ports.cache.floor ? undefined : cache.ring.after(revision);
  if (next === undefined) {
    throw expired(`too old resource version: ${revision} (${cache.ring.floor + 1})`);
  }
  return { initial: undefined, revision, next };
}

async function runWatch(
  request: WatchRequest,
  begin: Begin,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<void> {
  const { cache, filter, representation, options, timers } = request;
  if (begin.initial !== undefined) {
    await sendInitial(request, begin.initial, sink, signal);
    if (signal.aborted) return;
    if (options.sendInitialEvents === true && options.allowWatchBookmarks) {
      sink.write(representation.bookmark(begin.revision, true));
    }
  }
  if (signal.aborted) return;
  const ended = Promise.withResolvers<undefined>();
  const watcher = new Watcher({
    filter,
    writer: representation,
    sink,
    end: () => {
      ended.resolve(undefined);
    },
  });
  const { timeoutSeconds, allowWatchBookmarks: bookmarks } = options;
  const stopTiming = timers.add(watcher, cache.fanout, { timeoutSeconds, bookmarks });
  function leave(): void {
    cache.fanout.detach(watcher);
  }
  signal.addEventListener("abort", leave, { once: true });
  cache.fanout.attach(watcher, begin.next);
  await ended.promise;
  signal.removeEventListener("abort", leave);
  stopTiming();
}

async function sendInitial(
  { filter, representation }: WatchRequest,
  leaves: Leaves,
  sink: ByteSink,
  signal: AbortSignal,
): Promise<void> {
  let frames: Buffer[] = [];
  let size = 0;
  let scanned = 0;
  for (const object of selected(leaves, filter)) {
    if (object !== undefined) {
      const frame = representation.frame("ADDED", object);
      frames.push(frame);
      size += frame.length;
    }
    if (size < writeBytesMax && ++scanned % scannedPerTurn !== 0) continue;
    // A watch may end at any time: who has not seen the end of the initial events asks again.
    if (signal.aborted) return;
    const isRoomy = size === 0 || sink.write(Buffer.concat(frames));
    if (!isRoomy) await drained(sink, signal).catch(() => undefined);
    frames = [];
    size = 0;
    await nextTurn();
  }
  if (size > 0) sink.write(Buffer.concat(frames));
}

/** Every object; undefined for those that are not selected, so that the caller can count. */
function* selected(leaves: Leaves, filter: ObjectFilter): Generator<CachedObject | undefined> {
  for (const leaf of leaves) {
    if (filter.namespace !== undefined && leaf.namespace !== filter.namespace) continue;
    for (const object of leaf.objects) yield filter.matches(object) ? object : undefined;
  }
}
