import type { PlacedPod } from "./pod-index.ts";

/** A pod that was promised room on a node where others have to go first. */
export interface Nomination {
  /** What it will take; its slot is that of the node while the node is known. */
  readonly pod: Omit<PlacedPod, "slot">;
  readonly node: string;
}

/** How nominated pods are counted in and out of the picture of the cluster. */
export interface Counting {
  /** False: the node is not known, so nothing was counted. */
  count(nomination: Nomination): boolean;
  discount(nomination: Nomination): void;
}

/**
 * Promised room counts as taken, so that nobody less important moves in while the victims end. A
 * decision about a pod sets aside its own nomination and those of less important pods.
 * Bounded by the pods that wait.
 */
export class Nominations {
  readonly #counting: Counting;
  readonly #all = new Map<string, Nomination>();
  readonly #counted = new Set<Nomination>();

  constructor(counting: Counting) {
    this.#counting = counting;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Where the pod has room promised; undefined: nowhere. */
  nodeOf(uid: string): string | undefined {
    return this.#all.get(uid)?.node;
  }

  /** The pods that have room promised on the node. */
  on(node: string): Nomination["pod"][] {
    return [...this.#all.values()].filter((it) => it.node === node).map((it) => it.pod);
  }

  add(nomination: Nomination): void {
    this.remove(nomination.pod.uid);
    this.#all.set(nomination.pod.uid, nomination);
    this.#count(nomination);
  }

  remove(uid: string): void {
    const present = this.#all.get(uid);
    if (present === undefined) return;
    this.#all.delete(uid);
    this.#discount(present);
  }

  nodeCame(node: string): void {
    for (const it of this.#all.values()) if (it.node === node) this.#count(it);
  }

  /** To be called before the node is forgotten. */
  nodeGoes(node: string): void {
    for (const it of this.#all.values()) if (it.node === node) this.#discount(it);
  }

  /** Calls `decide` as if the pod's own nomination and those of less important pods were not. */
  without<T>(uid: string, priority: number, decide: () => T): T {
    return this.#setAside((it) => it.pod.uid === uid || it.pod.priority < priority, decide);
  }

  /** Calls `decide` as if there were no nominations. */
  withoutAny<T>(decide: () => T): T {
    return this.#setAside(() => true, decide);
  }

  #setAside<T>(isAside: (it: Nomination) => boolean, decide: () => T): T {
    const aside = [...this.#counted].filter(isAside);
    for (const it of aside) this.#discount(it);
    try {
      return decide();
    } finally {
      for (const it of aside) this.#count(it);
    }
  }

  #count(nomination: Nomination): void {
    if (this.#counted.has(nomination)) return;
    if (this.#counting.count(nomination)) this.#counted.add(nomination);
  }

  #discount(nomination: Nomination): void {
    if (this.#counted.delete(nomination)) this.#counting.discount(nomination);
  }
}
