import type { Buffer } from "node:buffer";
import type { JsonObject } from "#api/object.ts";
import type { CachedObject } from "./cached-object.ts";
import type { ObjectFilter } from "./object-filter.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED";

/**
 * One change of one object, shared by every watcher. Its objects have bytes of their own, apart
 * from the cached ones, which move.
 */
export interface CacheEvent {
  readonly revision: number;
  readonly type: EventType;
  /** What is there now; after a deletion what was there, with the revision of the deletion. */
  readonly object: CachedObject;
  /** What was there before; only for MODIFIED. */
  readonly previous: CachedObject | undefined;
  /** Frames that were asked for, by representation and type; see {@link frameOf}. */
  readonly frames: Map<string, Buffer>;
}

/** How a watch writes events: JSON, protobuf, tables, other versions of the kind. */
export interface FrameWriter {
  /** Equal ids write equal frames. */
  readonly id: string;
  /** `revision` is the one to show, where it is not the object's. */
  frame(type: EventType, object: CachedObject, revision?: number): Buffer;
  /** The object of such a frame, decoded; absent where frames are not plain JSON. */
  value?(object: CachedObject, revision: number): JsonObject;
  bookmark(revision: number, initialEventsEnd: boolean): Buffer;
  /** An ERROR event with a `Status`. */
  error(status: unknown): Buffer;
}

/** What a watcher with this filter hears of the event; undefined: nothing. */
export function eventTypeFor(event: CacheEvent, filter: ObjectFilter): EventType | undefined {
  const matches = filter.matches(event.object);
  if (event.type !== "MODIFIED") return matches ? event.type : undefined;
  const matched = event.previous !== undefined && filter.matches(event.previous);
  if (matches) return matched ? "MODIFIED" : "ADDED";
  return matched ? "DELETED" : undefined;
}

/** The bytes of an event as a watcher with this writer and event type gets them. Made once. */
export function frameOf(event: CacheEvent, type: EventType, writer: FrameWriter): Buffer {
  const id = `${writer.id} ${type}`;
  let frame = event.frames.get(id);
  if (frame === undefined) {
    frame = writer.frame(type, shownObject(event, type), event.revision);
    event.frames.set(id, frame);
  }
  return frame;
}

/** The object of an event, which is shown at the event's revision. */
export function shownObject(event: CacheEvent, type: EventType): CachedObject {
  // An object that leaves a selection is shown as it was, at the revision at which it left.
  const left = type === "DELETED" && event.type === "MODIFIED";
  return left && event.previous !== undefined ? event.previous : event.object;
}
