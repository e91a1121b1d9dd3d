import type { Labels } from "#api/selector/label.ts";
import type { PodShape, PodTerm } from "./pod-shape.ts";
import {
  addToCount,
  Domains,
  newCount,
  termMatches,
  type DomainCount,
  type PodIdentity,
} from "./topology.ts";

/** A pod that takes part in counting: bound, assumed to be, or promised the node's room. */
export interface PlacedPod extends PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly priority: number;
  readonly slot: number;
  readonly shape: PodShape;
}

/** Terms counted at the same time, at most; the one unused for longest makes room. */
const countsMax = 500;
const nobody: ReadonlySet<PlacedPod> = new Set();

/**
 * Counts of pods by topology domain, kept while pods come and go, so that a decision reads a number
 * instead of looking at every pod. Two kinds of counts:
 *
 * - `matching`: how many pods a term speaks of. For the incoming pod's own terms.
 * - `holding`: how many pods *have* a term. For the terms of the pods that are there: an incoming
 *   pod that such a term speaks of is kept away (anti-affinity) or drawn near (preferred).
 */
export class PodIndex {
  readonly #pods = new Map<string, PlacedPod>();
  readonly #podsInSlot = new Map<number, Set<PlacedPod>>();
  /** How many pods have which priority. */
  readonly #priorities = new Map<number, number>();
  readonly #domains = new Map<string, Domains>();
  readonly #matching = new Map<string, DomainCount>();
  readonly #antiAffinity = new Map<string, DomainCount>();
  readonly #preferred = new Map<string, DomainCount>();
  readonly #labelsOf: (slot: number) => Labels | undefined;
  readonly #slots: () => number;

  /** @param labelsOf the labels of the node in a slot; @param slots how many slots there are. */
  constructor(labelsOf: (slot: number) => Labels | undefined, slots: () => number) {
    this.#labelsOf = labelsOf;
    this.#slots = slots;
  }

  get(uid: string): PlacedPod | undefined {
    return this.#pods.get(uid);
  }

  /** Pods in the slot of a node, in no order. Not to be kept: it changes with them. */
  inSlot(slot: number): ReadonlySet<PlacedPod> {
    return this.#podsInSlot.get(slot) ?? nobody;
  }

  /** Whether there is any pod that is less important. */
  hasBelow(priority: number): boolean {
    for (const it of this.#priorities.keys()) if (it < priority) return true;
    return false;
  }

  add(pod: PlacedPod): void {
    this.#pods.set(pod.uid, pod);
    const inSlot = this.#podsInSlot.get(pod.slot);
    if (inSlot === undefined) this.#podsInSlot.set(pod.slot, new Set([pod]));
    else inSlot.add(pod);
    this.#priorities.set(pod.priority, (this.#priorities.get(pod.priority) ?? 0) + 1);
    this.#count(pod, 1);
  }

  remove(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    this.#podsInSlot.get(pod.slot)?.delete(pod);
    const equals = (this.#priorities.get(pod.priority) ?? 1) - 1;
    if (equals > 0) this.#priorities.set(pod.priority, equals);
    else this.#priorities.delete(pod.priority);
    this.#count(pod, -1);
  }

  /** A node came, went or changed its labels. */
  nodeChanged(slot: number): void {
    const labels = this.#labelsOf(slot);
    let moved = false;
    for (const it of this.#domains.values()) moved = it.set(slot, labels) || moved;
    // Counts are by domain: a node that moved with its pods makes them all wrong.
    if (moved && this.inSlot(slot).size > 0) this.#recount();
  }

  /** How many pods `term` speaks of, by domain. */
  matching(term: PodTerm): DomainCount {
    const present = this.#matching.get(term.key);
    if (present !== undefined) {
      // Moved to the end: the order of the map is that of the last use.
      this.#matching.delete(term.key);
      this.#matching.set(term.key, present);
      return present;
    }
    const count = newCount(term, this.#domainsOf(term.topologyKey));
    for (const pod of this.#pods.values()) {
      if (termMatches(term, pod)) addToCount(count, pod.slot, 1);
    }
    this.#matching.set(term.key, count);
    const oldest = this.#matching.keys().next();
    if (this.#matching.size > countsMax && oldest.done !== true)
      this.#matching.delete(oldest.value);
    return count;
  }

  /** Required anti-affinity terms that some pod has and that speak of `pod`. */
  antiAffinityAgainst(pod: PodIdentity): DomainCount[] {
    return speakingOf(this.#antiAffinity, pod);
  }

  /** Preferred terms that some pod has and that speak of `pod`; counts are sums of weights. */
  preferencesFor(pod: PodIdentity): DomainCount[] {
    return speakingOf(this.#preferred, pod);
  }

  #count(pod: PlacedPod, sign: 1 | -1): void {
    for (const count of this.#matching.values()) {
      if (termMatches(count.term, pod)) addToCount(count, pod.slot, sign);
    }
    const { shape, slot } = pod;
    for (const term of shape.antiAffinity) this.#hold(this.#antiAffinity, term, slot, sign);
    // Upstream's hardPodAffinityWeight: a required affinity also draws, with weight 1.
    for (const term of shape.affinity) this.#hold(this.#preferred, term, slot, sign);
    for (const term of shape.preferredPods) {
      this.#hold(this.#preferred, term, slot, sign * term.weight);
    }
  }

  #hold(counts: Map<string, DomainCount>, term: PodTerm, slot: number, by: number): void {
    const present = counts.get(term.key);
    const count = present ?? newCount(term, this.#domainsOf(term.topologyKey));
    if (present === undefined) counts.set(term.key, count);
    addToCount(count, slot, by);
    // Nothing holds it any more (weights of both signs could cancel; then it is made anew).
    if (count.total === 0 && count.counts.every((it) => it === 0)) counts.delete(term.key);
  }

  #domainsOf(topologyKey: string): Domains {
    const present = this.#domains.get(topologyKey);
    if (present !== undefined) return present;
    const created = new Domains(topologyKey);
    for (let slot = 0; slot < this.#slots(); slot++) created.set(slot, this.#labelsOf(slot));
    this.#domains.set(topologyKey, created);
    return created;
  }

  #recount(): void {
    this.#matching.clear();
    this.#antiAffinity.clear();
    this.#preferred.clear();
    for (const pod of this.#pods.values()) this.#count(pod, 1);
  }
}

function speakingOf(counts: ReadonlyMap<string, DomainCount>, pod: PodIdentity): DomainCount[] {
  if (counts.size === 0) return [];
  return [...counts.values()].filter((it) => termMatches(it.term, pod));
}
