import { Buffer } from "node:buffer";
import type { ByteSink, ObjectEvent } from "#apiserver/http/exchange.ts";
import {
  frameOf,
  shownObject,
  type CacheEvent,
  type EventType,
  type FrameWriter,
} from "./cache-event.ts";

/** Who receives events, and how they are written for him. */
interface Receiver {
  readonly writer: FrameWriter;
  readonly takesObjects: boolean;
}

/**
 * Events on their way to the watchers that ask for the same: as the bytes of a response, or as
 * objects for watchers in this process, which share them.
 */
export class WatchBatch {
  readonly #writer: FrameWriter;
  readonly #takesObjects: boolean;
  readonly #objects: ObjectEvent[] = [];
  #frames: Buffer[] = [];
  #size = 0;

  constructor({ writer, takesObjects }: Receiver) {
    this.#writer = writer;
    this.#takesObjects = takesObjects;
  }

  /** Bytes of the events' JSON, or about as many. */
  get size(): number {
    return this.#size;
  }

  add(event: CacheEvent, type: EventType): void {
    if (this.#takesObjects && this.#writer.value !== undefined) {
      const object = shownObject(event, type);
      const value = this.#writer.value(object, event.revision);
      this.#objects.push({ type, object: value });
      this.#size += object.length;
    } else {
      const frame = frameOf(event, type, this.#writer);
      this.#frames.push(frame);
      this.#size += frame.length;
    }
  }

  /** Hands everything to one of the watchers. False when he should be held back. */
  sendTo(sink: ByteSink): boolean {
    if (this.#takesObjects) return sink.writeEvents?.(this.#objects, this.#size) ?? true;
    const [first] = this.#frames;
    if (first === undefined) return true;
    // Joined once for all of them.
    if (this.#frames.length > 1) this.#frames = [Buffer.concat(this.#frames, this.#size)];
    return sink.write(this.#frames[0] ?? first);
  }
}
