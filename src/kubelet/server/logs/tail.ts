import type { FileHandle } from "node:fs/promises";
import { parseLogEntry } from "./line.ts";

const blockBytes = 64 * 1024;
/** What has no newline for so long is no log; it is not kept while the search goes on. */
const entryBytesMax = 1024 * 1024;
const newline = 0x0a;

/**
 * Where the last `lines` lines of a log start, found from the end in blocks: it costs what is
 * shown, not what the file holds. Parts of one line count as one.
 */
export async function findTail(file: FileHandle, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  const counter = new LineCounter(lines);
  // The first bytes of the entries that were not complete in the blocks behind.
  let behind: Buffer = Buffer.alloc(0);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const block = Buffer.alloc(end - start);
    await readFully(file, block, start);
    const bytes = Buffer.concat([block, behind]);
    const first = start === 0 ? 0 : bytes.indexOf(newline) + 1;
    const found = counter.count(bytes, first);
    if (found !== undefined) return start + found;
    // An entry longer than a block has no newline in it: it is looked at with the next one.
    behind = first === 0 ? bytes : bytes.subarray(0, first);
    if (behind.length > entryBytesMax) behind = Buffer.alloc(0);
    end = start;
  }
  return 0;
}

/** Counts lines backwards; an entry that is not partial ends one. */
class LineCounter {
  readonly #wanted: number;
  #seen = 0;
  #isFirst = true;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /**
   * Goes through the entries of `bytes` from its last one to the one at `first`. The place where
   * the wanted lines start, or undefined when they start before.
   */
  count(bytes: Buffer, first: number): number | undefined {
    let end = bytes.lastIndexOf(newline);
    while (end >= first) {
      const start = end === 0 ? 0 : bytes.lastIndexOf(newline, end - 1) + 1;
      if (start < first) break;
      const entry = parseLogEntry(bytes, start, end);
      const endsLine = entry?.isPartial === false;
      // The last line may have no end yet.
      const isOpen = this.#isFirst && entry?.isPartial === true;
      if (entry !== undefined) this.#isFirst = false;
      if (endsLine && this.#seen === this.#wanted) return end + 1;
      if (endsLine || isOpen) this.#seen += 1;
      end = start - 1;
    }
    return undefined;
  }
}

/** Fills the buffer from `position`; a file that was cut meanwhile leaves zeros. */
async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let at = 0; at < buffer.length;) {
    const { bytesRead } = await file.read(buffer, at, buffer.length - at, position + at);
    if (bytesRead === 0) return;
    at += bytesRead;
  }
}
