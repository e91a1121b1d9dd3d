import type { Client } from "@grpc/grpc-js";
import { CompactedError, type Entry, type Revision, type StoreEvent } from "#store/store.ts";
import type { KeyRange } from "#store/watch-hub.ts";
import { duplex } from "./call.ts";
import { Watch, type KeyValue, type WatchResponse } from "./gen/etcd_pb.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

export function keyBytes(key: string): Uint8Array {
  return encoder.encode(key);
}

export function entryOf(kv: KeyValue): Entry {
  return {
    key: decoder.decode(kv.key),
    value: kv.value,
    createRevision: Number(kv.createRevision),
    modRevision: Number(kv.modRevision),
  };
}

/**
 * Yields etcd's events of a range from revision `from` on, whole revisions at a time, until the
 * signal aborts. Rejects when the stream breaks; the caller goes on after the last revision it saw.
 * @throws {CompactedError} when `from` is compacted.
 */
export async function* follow(
  client: Client,
  range: KeyRange,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<readonly StoreEvent[], void> {
  signal.throwIfAborted();
  const stream = duplex(client, Watch.method.watch);
  function cancel(): void {
    stream.cancel();
  }
  signal.addEventListener("abort", cancel);
  stream.on("error", () => undefined); // Iterating rejects with it.
  try {
    stream.write({
      $typeName: "etcdserverpb.WatchRequest",
      request: {
        case: "createRequest",
        value: {
          $typeName: "etcdserverpb.WatchCreateRequest",
          key: keyBytes(range.start),
          rangeEnd: keyBytes(range.end),
          startRevision: BigInt(from),
          prevKv: true,
          fragment: true,
        },
      },
    });
    let partial: StoreEvent[] = [];
    for await (const response of stream as AsyncIterable<WatchResponse>) {
      if (response.canceled) throw cancelled(response);
      partial.push(...response.events.map(eventOf));
      // A revision may come in fragments; the last one says that there are no more.
      if (response.fragment || partial.length === 0) continue;
      yield partial;
      partial = [];
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
    stream.cancel();
  }
}

function cancelled(response: WatchResponse): Error {
  const compacted = Number(response.compactRevision);
  if (compacted > 0) return new CompactedError(compacted);
  return new Error(`etcd ended the watch: ${response.cancelReason}`);
}

function eventOf(event: WatchResponse["events"][number]): StoreEvent {
  const previous = event.prevKv === undefined ? undefined : entryOf(event.prevKv);
  const { kv } = event;
  if (kv === undefined) throw new Error("etcd sent an event without a key");
  if (event.type === 0) return { kind: "put", entry: entryOf(kv), previous };
  return {
    kind: "delete",
    key: decoder.decode(kv.key),
    revision: Number(kv.modRevision),
    previous,
  };
}
