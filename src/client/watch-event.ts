import { statusErrorOf, type StatusObject } from "#api/status.ts";
import { linesIn, readLines } from "./lines.ts";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** The events of a watch, in the batches in which they arrive. @throws {StatusError} for an ERROR event */
export async function* readEvents<T>(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly WatchEvent<T>[]> {
  for await (const lines of readLines(body)) yield lines.map((line) => decodeEvent<T>(line));
}

/**
 * Decodes once what several watches of one process receive. It relies on what the API server does
 * within a process: watchers that ask for the same are given the very same bytes, in whole lines.
 */
export class SharedEvents {
  /** By the bytes, and no longer than somebody holds them. */
  readonly #decoded = new WeakMap<Uint8Array, readonly WatchEvent<unknown>[]>();

  /** As {@link readEvents}; events and their objects are everybody's. */
  async *read<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<readonly WatchEvent<T>[]> {
    for await (const bytes of body) {
      // Who reads the same bytes asked for the same kind.
      yield this.#decode(bytes) as readonly WatchEvent<T>[];
    }
  }

  #decode(bytes: Uint8Array): readonly WatchEvent<unknown>[] {
    const known = this.#decoded.get(bytes);
    if (known !== undefined) return known;
    const events = linesIn(bytes).map((line) => decodeEvent<unknown>(line));
    this.#decoded.set(bytes, events);
    return events;
  }
}

function decodeEvent<T>(line: Uint8Array): WatchEvent<T> {
  const event = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString()) as
    WatchEvent<T> | { readonly type: "ERROR"; readonly object: Partial<StatusObject> };
  if (event.type === "ERROR") throw statusErrorOf(event.object.code ?? 500, event.object);
  return event;
}
