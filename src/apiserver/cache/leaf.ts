import { Buffer } from "node:buffer";
import type { CachedObject } from "./cached-object.ts";

/** Objects a leaf holds at most; 64 of 3 KB make a page that one socket write takes. */
export const leafObjectsMax = 64;

const comma = 0x2c;
const openBrace = 0x7b;
/** Of the comma and the brace before an object. */
const separatorBytes = 2;

/**
 * Neighbouring objects of one namespace, in key order. Immutable: a change makes another leaf, so
 * that whoever lists goes on reading the state it began with.
 */
export class Leaf {
  readonly objects: readonly CachedObject[];
  #page: Buffer | undefined;

  constructor(objects: readonly CachedObject[]) {
    this.objects = objects;
  }

  get namespace(): string {
    return this.objects[0]?.namespace ?? "";
  }

  get firstKey(): string {
    return this.objects[0]?.key ?? "";
  }

  get hasPage(): boolean {
    return this.#page !== undefined;
  }

  /**
   * `,{…},{…}`: every object with a comma before it. Joined once; the objects then live in the
   * page, so that their bytes are held once and not twice.
   */
  page(): Buffer {
    this.#page ??= joinPage(this.objects);
    return this.#page;
  }

  /** The part of the page that holds objects `from` up to but not including `to`. */
  pagePart(from: number, to: number): Buffer {
    const page = this.page();
    if (from === 0 && to === this.objects.length) return page;
    let start = 0;
    for (let i = 0; i < from; i++) start += (this.objects[i]?.length ?? 0) + separatorBytes;
    let end = start;
    for (let i = from; i < to; i++) end += (this.objects[i]?.length ?? 0) + separatorBytes;
    return page.subarray(start, end);
  }
}

function joinPage(objects: readonly CachedObject[]): Buffer {
  let size = 0;
  for (const object of objects) size += object.length + separatorBytes;
  const page = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const object of objects) {
    page[at] = comma;
    page[at + 1] = openBrace;
    object.buffer.copy(page, at + separatorBytes, object.start, object.start + object.length);
    object.buffer = page;
    object.start = at + separatorBytes;
    at += object.length + separatorBytes;
  }
  return page;
}
