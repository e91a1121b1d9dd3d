import type { CoreV1Event, ObjectReference } from "#api/gen/types.ts";

/** One thing worth telling the users of an object. */
export interface EventContent {
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase, for programs. */
  readonly reason: string;
  readonly message: string;
  /** The part of the object that it is about: `spec.containers{app}`. */
  readonly fieldPath?: string | undefined;
}

export type CorrelatedEvent =
  | { readonly kind: "create"; readonly count: 1; readonly message: string; readonly key: string }
  | {
      readonly kind: "repeat";
      readonly count: number;
      readonly message: string;
      readonly key: string;
      /** As the server returned it; undefined while its creation has not been answered. */
      readonly event: CoreV1Event | undefined;
    }
  /** This source says too much about this object. */
  | { readonly kind: "drop" };

/** client-go `tools/record/events_cache.go`. */
const entriesMax = 4_096;
const spamBurst = 25;
const spamRefillMs = 300_000;
const similarMax = 10;
const similarMs = 600_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

interface Group {
  readonly messages: Set<string>;
  lastMs: number;
}

interface Known {
  count: number;
  event: CoreV1Event | undefined;
}

/** Merges repeated and similar events, and limits how many one object gets. Bounded memory. */
export class EventCorrelator {
  readonly #buckets = new Map<string, Bucket>();
  readonly #groups = new Map<string, Group>();
  readonly #known = new Map<string, Known>();

  correlate(about: ObjectReference, content: EventContent, nowMs: number): CorrelatedEvent {
    const object = [about.kind, about.namespace, about.name, about.uid].join("/");
    const group = [object, about.fieldPath ?? "", content.type, content.reason].join("/");
    const combined = this.#isCrowded(group, content.message, nowMs);
    const message = combined
      ? `(combined from similar events): ${content.message}`
      : content.message;
    const key = combined ? group : `${group}/${content.message}`;
    const known = this.#known.get(key) ?? { count: 0, event: undefined };
    known.count++;
    remember(this.#known, key, known);
    // What is not told counts all the same: the next one that is told says how often it happened.
    if (!this.#allowed(object, nowMs)) return { kind: "drop" };
    if (known.count === 1) return { kind: "create", count: 1, message, key };
    return { kind: "repeat", count: known.count, message, key, event: known.event };
  }

  /** The event of `key` as the server has it now. */
  stored(key: string, event: CoreV1Event): void {
    const known = this.#known.get(key);
    if (known !== undefined) known.event = event;
  }

  /** The server no longer has it, or never took it: the next one is created anew. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  #allowed(object: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(object) ?? { tokens: spamBurst, atMs: nowMs };
    const refilled = bucket.tokens + (nowMs - bucket.atMs) / spamRefillMs;
    bucket.tokens = Math.min(spamBurst, refilled);
    bucket.atMs = nowMs;
    remember(this.#buckets, object, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /** More than ten different messages for one reason within ten minutes are told as one. */
  #isCrowded(key: string, message: string, nowMs: number): boolean {
    let group = this.#groups.get(key);
    if (group === undefined || nowMs - group.lastMs > similarMs) {
      group = { messages: new Set(), lastMs: nowMs };
    }
    group.lastMs = nowMs;
    if (group.messages.size < similarMax) group.messages.add(message);
    remember(this.#groups, key, group);
    return group.messages.size >= similarMax && !group.messages.has(message);
  }
}

/** Keeps the most recently used. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= entriesMax) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
