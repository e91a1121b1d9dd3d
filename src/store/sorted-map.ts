/** Entries a block holds before it splits; keeps each insertion's move within a few kilobytes. */
const blockSize = 512;

interface Block<V> {
  readonly keys: string[];
  readonly values: V[];
}

/**
 * A map in key order, by UTF-16 code units, which for the ASCII keys of a store is byte order. Two
 * levels: a list of sorted blocks. With 1,000,000 keys a lookup is two binary searches.
 */
export class SortedMap<V> {
  /** Never empty; only the first block may be empty, and only when the map is. */
  readonly #blocks: Block<V>[] = [{ keys: [], values: [] }];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const block = this.#blocks[this.#blockOf(key)];
    if (block === undefined) return undefined;
    const at = lowerBound(block.keys, key);
    return block.keys[at] === key ? block.values[at] : undefined;
  }

  set(key: string, value: V): void {
    const number = this.#blockOf(key);
    const block = this.#blocks[number];
    if (block === undefined) return;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] === key) {
      block.values[at] = value;
      return;
    }
    block.keys.splice(at, 0, key);
    block.values.splice(at, 0, value);
    this.#size += 1;
    if (block.keys.length > blockSize) this.#split(number, block);
  }

  delete(key: string): boolean {
    const number = this.#blockOf(key);
    const block = this.#blocks[number];
    if (block === undefined) return false;
    const at = lowerBound(block.keys, key);
    if (block.keys[at] !== key) return false;
    block.keys.splice(at, 1);
    block.values.splice(at, 1);
    this.#size -= 1;
    if (block.keys.length === 0 && this.#blocks.length > 1) this.#blocks.splice(number, 1);
    return true;
  }

  /** Entries with `start <= key < end`, in order. The map must not change while it is iterated. */
  *range(start: string, end: string): Generator<[key: string, value: V]> {
    for (let number = this.#blockOf(start); number < this.#blocks.length; number++) {
      const block = this.#blocks[number];
      if (block === undefined) return;
      for (let at = lowerBound(block.keys, start); at < block.keys.length; at++) {
        const key = block.keys[at];
        const value = block.values[at];
        if (key === undefined || value === undefined || key >= end) return;
        yield [key, value];
      }
    }
  }

  /** The last block whose first key is not above `key`. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const first = this.#blocks[middle]?.keys[0];
      if (first !== undefined && first <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #split(number: number, block: Block<V>): void {
    const half = block.keys.length >>> 1;
    const upper = { keys: block.keys.splice(half), values: block.values.splice(half) };
    this.#blocks.splice(number + 1, 0, upper);
  }
}

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = keys[middle];
    if (at !== undefined && at < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
