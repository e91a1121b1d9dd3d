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

/** The events of bytes that hold whole lines. @throws {StatusError} for an ERROR event */
export function decodeEvents(bytes: Uint8Array): readonly WatchEvent<unknown>[] {
  return linesIn(bytes).map((line) => decodeEvent<unknown>(line));
}

function decodeEvent<T>(line: Uint8Array): WatchEvent<T> {
  const event = JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString()) as
    WatchEvent<T> | { readonly type: "ERROR"; readonly object: Partial<StatusObject> };
  if (event.type === "ERROR") throw statusErrorOf(event.object.code ?? 500, event.object);
  return event;
}
