import type { CachedObject } from "./cached-object.ts";
import { Leaf, leafObjectsMax } from "./leaf.ts";

/** Two neighbours are joined when together they hold no more than this. */
const mergeObjectsMax = leafObjectsMax / 2;

/** The leaves of a kind, or of one namespace of it, as they were at one moment. */
export type Leaves = readonly Leaf[];

const none: Leaves = [];

/**
 * The objects of one kind in key order, in leaves that never cross a namespace. Reading gives
 * leaves that later changes do not touch:
 *
 *   a/1 a/2 … a/64 | a/65 | b/1 b/2        three leaves; namespace `a` is the first two
 */
export class LeafIndex {
  /** Sorted by first key; replaced before the first change after {@link leaves} gave it away. */
  #leaves: Leaf[] = [];
  #shared = false;
  readonly #byKey = new Map<string, CachedObject>();

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): CachedObject | undefined {
    return this.#byKey.get(key);
  }

  /** All leaves. The result stays as it is. */
  leaves(): Leaves {
    this.#shared = true;
    return this.#leaves;
  }

  /** The leaves of one namespace: found, not searched for, since admission asks at every write. */
  leavesIn(namespace: string): Leaves {
    const start = this.#firstNotBefore(`${namespace}/`);
    let end = start;
    while (this.#leaves[end]?.namespace === namespace) end++;
    return start === end ? none : this.#leaves.slice(start, end);
  }

  /** Inserts or replaces; returns what was there. */
  put(object: CachedObject): CachedObject | undefined {
    const previous = this.#byKey.get(object.key);
    this.#byKey.set(object.key, object);
    this.#own();
    const at = this.#leafFor(object);
    const leaf = this.#leaves[at];
    if (leaf === undefined || leaf.namespace !== object.namespace) {
      this.#leaves.splice(leaf === undefined ? this.#leaves.length : at, 0, new Leaf([object]));
      return previous;
    }
    const objects = leaf.objects.slice();
    const index = lowerBound(objects, object.key);
    objects.splice(index, previous === undefined ? 0 : 1, object);
    this.#replace(at, objects, index);
    return previous;
  }

  delete(key: string): CachedObject | undefined {
    const previous = this.#byKey.get(key);
    if (previous === undefined) return undefined;
    this.#byKey.delete(key);
    this.#own();
    const at = this.#leafFor(previous);
    const objects = (this.#leaves[at]?.objects ?? []).filter((it) => it.key !== key);
    if (objects.length === 0) this.#leaves.splice(at, 1);
    else this.#leaves[at] = new Leaf(objects);
    this.#mergeAt(at);
    return previous;
  }

  /** Fills an empty index from objects in key order. */
  load(objects: readonly CachedObject[]): void {
    this.#own();
    let open: CachedObject[] = [];
    for (const object of objects) {
      this.#byKey.set(object.key, object);
      if (open.length === leafObjectsMax || open[0]?.namespace !== object.namespace) {
        if (open.length > 0) this.#leaves.push(new Leaf(open));
        open = [];
      }
      open.push(object);
    }
    if (open.length > 0) this.#leaves.push(new Leaf(open));
  }

  #own(): void {
    if (this.#shared) this.#leaves = this.#leaves.slice();
    this.#shared = false;
  }

  /** Index of the first leaf whose first key is not before `key`. */
  #firstNotBefore(key: string): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#leaves[middle]?.firstKey ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Index of the leaf that holds the key or should; when that leaf is of another namespace or
   * absent, a new leaf belongs at this index.
   */
  #leafFor(object: CachedObject): number {
    const next = this.#firstNotBefore(object.key);
    if (this.#leaves[next]?.firstKey === object.key) return next;
    if (this.#leaves[next - 1]?.namespace === object.namespace) return next - 1;
    return next;
  }

  #replace(at: number, objects: CachedObject[], changed: number): void {
    if (objects.length <= leafObjectsMax) {
      this.#leaves[at] = new Leaf(objects);
      return;
    }
    // Names that ascend fill their leaves; any other order halves them.
    const cut = changed === objects.length - 1 ? leafObjectsMax : leafObjectsMax / 2;
    this.#leaves.splice(at, 1, new Leaf(objects.slice(0, cut)), new Leaf(objects.slice(cut)));
  }

  #mergeAt(at: number): void {
    for (const left of [at - 1, at]) {
      const [one, two] = [this.#leaves[left], this.#leaves[left + 1]];
      if (one === undefined || two === undefined || one.namespace !== two.namespace) continue;
      if (one.objects.length + two.objects.length > mergeObjectsMax) continue;
      this.#leaves.splice(left, 2, new Leaf([...one.objects, ...two.objects]));
      return;
    }
  }
}

/** Index of the first object whose key is not before `key`. */
export function lowerBound(objects: readonly CachedObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((objects[middle]?.key ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
