/** A pod that waits for a node. */
export interface QueuedPod {
  readonly key: string;
  readonly priority: number;
  /** Rises by one with each pod that is queued: the order among equal priorities. */
  readonly order: number;
}

/** Pods to schedule, the most important and then the oldest first. A key waits at most once. */
export class PodQueue {
  /** A binary heap: no element comes after its children. */
  readonly #heap: QueuedPod[] = [];
  readonly #keys = new Set<string>();
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** False: it waits already. */
  add(key: string, priority: number): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    this.#order += 1;
    this.#heap.push({ key, priority, order: this.#order });
    this.#rise(this.#heap.length - 1);
    return true;
  }

  take(): string | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    this.#keys.delete(first.key);
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first.key;
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfBefore(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = at * 2 + 1;
      const right = left + 1;
      const child = this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(child, at)) return;
      at = child;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return false;
    return a.priority === b.priority ? a.order < b.order : a.priority > b.priority;
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const a = this.#heap[child];
    const b = this.#heap[parent];
    if (a === undefined || b === undefined || !this.#isBefore(child, parent)) return false;
    this.#heap[child] = b;
    this.#heap[parent] = a;
    return true;
  }
}
