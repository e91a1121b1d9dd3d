import { Buffer } from "node:buffer";

const slabBytes = 1024 * 1024;
/** Larger pieces get memory of their own, so that a slab's end is never wasted on them. */
const pieceBytesMax = 128 * 1024;

/**
 * Hands out pieces of 1 MiB buffers: one allocation for hundreds of objects. Memory returns when
 * no piece of a slab is referenced any more; the cache sees to that by moving what lives on.
 */
export class SlabAllocator {
  #slab = Buffer.alloc(0);
  #used = 0;

  /** Reserves `size` bytes; they start at `offset` of `buffer` and hold old bytes. */
  allocate(size: number): { readonly buffer: Buffer; readonly offset: number } {
    if (size > pieceBytesMax) return { buffer: Buffer.allocUnsafeSlow(size), offset: 0 };
    if (this.#used + size > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used += size;
    return { buffer: this.#slab, offset };
  }
}
