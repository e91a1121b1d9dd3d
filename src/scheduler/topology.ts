import { matchesLabels, type Labels } from "#api/selector/label.ts";
import type { PodTerm } from "./pod-shape.ts";

/** A pod as terms see it. */
export interface PodIdentity {
  readonly namespace: string;
  readonly labels: Labels;
}

/** Does the term speak of this pod? */
export function termMatches(term: PodTerm, pod: PodIdentity): boolean {
  if (term.namespaces !== undefined && !term.namespaces.has(pod.namespace)) return false;
  return matchesLabels(term.selector, pod.labels);
}

/**
 * The domains of one topology key: which number each node's value has. Slots without the label are
 * in no domain (-1). Numbers are dense, so that counts by domain are arrays.
 */
export class Domains {
  readonly key: string;
  domainOfSlot = new Int32Array(64).fill(-1);
  readonly #numbers = new Map<string, number>();

  constructor(key: string) {
    this.key = key;
  }

  get size(): number {
    return this.#numbers.size;
  }

  of(slot: number): number {
    return this.domainOfSlot[slot] ?? -1;
  }

  /** Returns whether the slot changed its domain. */
  set(slot: number, labels: Labels | undefined): boolean {
    while (slot >= this.domainOfSlot.length) {
      const grown = new Int32Array(this.domainOfSlot.length * 2).fill(-1);
      grown.set(this.domainOfSlot);
      this.domainOfSlot = grown;
    }
    const value = labels?.[this.key];
    const domain = value === undefined ? -1 : this.#number(value);
    const changed = this.domainOfSlot[slot] !== domain;
    this.domainOfSlot[slot] = domain;
    return changed;
  }

  #number(value: string): number {
    const present = this.#numbers.get(value);
    if (present !== undefined) return present;
    const created = this.#numbers.size;
    this.#numbers.set(value, created);
    return created;
  }
}

/** Pods counted by domain, for one term. */
export interface DomainCount {
  readonly term: PodTerm;
  readonly domains: Domains;
  /** By domain number; what is beyond its end is 0. */
  counts: Float64Array;
  total: number;
}

export function newCount(term: PodTerm, domains: Domains): DomainCount {
  return { term, domains, counts: new Float64Array(8), total: 0 };
}

export function addToCount(count: DomainCount, slot: number, by: number): void {
  const domain = count.domains.of(slot);
  if (domain < 0) return;
  while (domain >= count.counts.length) {
    const grown = new Float64Array(count.counts.length * 2);
    grown.set(count.counts);
    count.counts = grown;
  }
  count.counts[domain] = (count.counts[domain] ?? 0) + by;
  count.total += by;
}
