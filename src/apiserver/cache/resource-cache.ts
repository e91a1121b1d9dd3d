import { Buffer } from "node:buffer";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { copyJson } from "#api/json-value.ts";
import { isJsonObject, type JsonObject } from "#api/object.ts";
import { apiVersionOf, type Resource } from "#api/resource.ts";
import type { Entry } from "#store/store.ts";
import { nextTurn } from "#apiserver/http/exchange.ts";
import type { CacheEvent, EventType } from "./cache-event.ts";
import { CachedObject, parseObject } from "./cached-object.ts";
import { EventRing } from "./event-ring.ts";
import { LeafIndex, type Leaves } from "./leaf-index.ts";
import type { ParsedObjects } from "./parsed-objects.ts";
import { SlabAllocator } from "./slab.ts";
import { asBuffer, decodeHeader, jsonPrefix, type StoredHeader } from "./stored-form.ts";
import { WatchFanout } from "./watch-fanout.ts";

/** Loose bytes that are not worth tidying up. */
const looseBytesMin = 8 * 1024 * 1024;
/** Beyond this share of all bytes, loose ones are moved into pages. */
const looseShareMax = 0.25;
const pagesPerTurn = 16;
/** States kept for clients that page through a list; see {@link ResourceCache.keep}. */
const keptStatesMax = 8;

const metadataOpen = Buffer.from('"metadata":{"resourceVersion":"');
const frameEnd = Buffer.from("}\n");

/** The objects of a kind at one revision. Later changes do not touch it. */
export interface CacheState {
  readonly revision: number;
  readonly leaves: Leaves;
}

/** All objects of one storage key, their recent changes, and who watches them. */
export class ResourceCache implements AsyncDisposable {
  readonly resource: Resource;
  readonly type: { readonly kind: string; readonly apiVersion: string };
  readonly ring: EventRing;
  readonly fanout: WatchFanout;
  readonly #index = new LeafIndex();
  readonly #slabs = new SlabAllocator();
  readonly #parsed: ParsedObjects;
  readonly #framePrefix: Readonly<Record<EventType, Buffer>>;
  /** Length of the kind and apiVersion in stored JSON, up to the metadata's brace. */
  readonly #storedPrefixLength: number;
  readonly #nodeField: number;
  readonly #byNode = new Map<string, Map<string, CachedObject>>();
  readonly #listeners: (() => void)[] = [];
  readonly #kept = new Map<number, CacheState>();
  readonly #tasks: TaskGroup;
  #changed: number;
  #bytes = 0;
  #looseBytes = 0;
  #settling = false;

  constructor(it: {
    /** The version that is stored. */
    readonly resource: Resource;
    /** Revision of the load that follows. */
    readonly revision: number;
    readonly parsed: ParsedObjects;
    readonly clock: Clock;
    readonly onError: (error: unknown) => void;
  }) {
    this.resource = it.resource;
    this.#parsed = it.parsed;
    this.type = { kind: it.resource.kind, apiVersion: apiVersionOf(it.resource.storageVersion) };
    this.#changed = it.revision;
    this.#nodeField = it.resource.selectableFields.indexOf("spec.nodeName");
    this.ring = new EventRing(it.revision);
    this.#tasks = new TaskGroup(it.onError);
    const prefix = jsonPrefix(this.type.kind, this.type.apiVersion);
    this.#storedPrefixLength = Buffer.byteLength(prefix) + '"metadata":{'.length;
    this.#framePrefix = {
      ADDED: Buffer.from(`{"type":"ADDED","object":${prefix}`),
      MODIFIED: Buffer.from(`{"type":"MODIFIED","object":${prefix}`),
      DELETED: Buffer.from(`{"type":"DELETED","object":${prefix}`),
    };
    this.fanout = new WatchFanout({
      ring: this.ring,
      clock: it.clock,
      nodeOf: (object) => object.fields[this.#nodeField],
      onError: it.onError,
    });
  }

  get size(): number {
    return this.#index.size;
  }

  /** Bytes of all objects. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Revision of the latest change of this kind. */
  get changedRevision(): number {
    return this.#changed;
  }

  get(key: string): CachedObject | undefined {
    return this.#index.get(key);
  }

  /** Says which object a value holds that is about to be written; it must not change any more. */
  announce(value: Uint8Array, object: JsonObject): void {
    this.#parsed.announce(value, object);
  }

  /** The object, with the type that is stored. The caller owns it. */
  decode(object: CachedObject): JsonObject {
    const parsed = this.#parsed.find(object.revision);
    return parsed === undefined ? parseObject(object, this.type) : copyJson(parsed);
  }

  /** The object's metadata alone; as {@link decode}. */
  decodeMetadata(object: CachedObject): JsonObject {
    const metadata = this.#parsed.find(object.revision)?.["metadata"];
    if (isJsonObject(metadata)) return copyJson(metadata);
    const text = object.metadataBytes().toString("utf8").slice('"metadata":'.length);
    return JSON.parse(text) as JsonObject;
  }

  leaves(): Leaves {
    return this.#index.leaves();
  }

  /** The leaves of one namespace. */
  leavesIn(namespace: string): Leaves {
    return this.#index.leavesIn(namespace);
  }

  /** Objects bound to a node, in key order; undefined for kinds without `spec.nodeName`. */
  onNode(node: string): readonly CachedObject[] | undefined {
    if (this.#nodeField < 0) return undefined;
    const objects = [...(this.#byNode.get(node)?.values() ?? [])];
    return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Calls back after each change of the kind. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Fills the empty cache; entries in key order, keys without the kind's prefix. */
  load(entries: readonly { readonly key: string; readonly entry: Entry }[]): void {
    const objects = entries.map(({ key, entry }) => this.#place(key, entry));
    this.#index.load(objects);
    for (const object of objects) this.#track(undefined, object);
    for (const listener of this.#listeners) listener();
  }

  /** Leaves of objects that are not in the cache: a state of the past. */
  detached(entries: readonly { readonly key: string; readonly entry: Entry }[]): Leaves {
    const index = new LeafIndex();
    index.load(entries.map(({ key, entry }) => this.#place(key, entry)));
    return index.leaves();
  }

  /** Takes in a put. Call `fanout.flushSoon` after the last change of a batch. */
  put(key: string, entry: Entry): void {
    const header = decodeHeader(asBuffer(entry.value));
    this.#parsed.settle(entry.value, entry.modRevision, this.type);
    const known = this.#index.get(key);
    const type = known === undefined ? "ADDED" : "MODIFIED";
    const object = this.#frame(type, key, entry, header);
    const previous = known === undefined ? undefined : this.#copy(known);
    this.#index.put(this.#twin(object));
    this.#track(known, object);
    this.#publish({ revision: entry.modRevision, type, object, previous, frames: new Map() });
    this.#settleWhenLoose(object.length * 2);
  }

  delete(key: string, revision: number): void {
    const known = this.#index.delete(key);
    if (known === undefined) return;
    this.#track(known, undefined);
    const object = this.#buryFrame(known, revision);
    this.#parsed.again(known.revision, revision, object.length);
    const event = { revision, type: "DELETED", object, previous: undefined, frames: new Map() };
    this.#publish(event as CacheEvent);
    this.#settleWhenLoose(object.length);
  }

  /** The frame that {@link put} and {@link delete} laid around the event's object. */
  naturalFrame(event: EventType, object: CachedObject): Buffer | undefined {
    const prefix = this.#framePrefix[event];
    const start = object.start - prefix.length;
    if (start < 0 || prefix.compare(object.buffer, start, object.start) !== 0) return undefined;
    return object.buffer.subarray(start, object.start + object.length + frameEnd.length);
  }

  /** Remembers a state for a client that goes on listing; the oldest is dropped. */
  keep(state: CacheState): void {
    if (this.#kept.has(state.revision)) return;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= keptStatesMax && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(state.revision, state);
  }

  kept(revision: number): CacheState | undefined {
    return this.#kept.get(revision);
  }

  /** Drops what is older than `revision`: kept states, and events of a quiet ring. */
  forget(revision: number): void {
    for (const kept of this.#kept.keys()) if (kept < revision) this.#kept.delete(kept);
    this.ring.trim(revision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fanout[Symbol.asyncDispose]();
    await this.#tasks[Symbol.asyncDispose]();
  }

  #publish(event: CacheEvent): void {
    this.#changed = event.revision;
    this.ring.append(event);
    this.fanout.publish(event);
    for (const listener of this.#listeners) listener();
  }

  /** Lays a stored object's tail down on a slab, without a frame around it. */
  #place(key: string, entry: Entry): CachedObject {
    const value = asBuffer(entry.value);
    const header = decodeHeader(value);
    const revision = String(entry.modRevision);
    const rest = header.jsonAt + this.#storedPrefixLength;
    const length = metadataOpen.length + revision.length + 2 + value.length - rest;
    const { buffer, offset } = this.#slabs.allocate(length);
    writeTail({ buffer, start: offset }, revision, {
      buffer: value,
      start: rest,
      end: value.length,
    });
    return this.#object(key, entry, header, { buffer, start: offset, length });
  }

  /** As {@link #place}, between the beginning and the end of a watch frame. */
  #frame(type: EventType, key: string, entry: Entry, header: StoredHeader): CachedObject {
    const value = asBuffer(entry.value);
    const prefix = this.#framePrefix[type];
    const revision = String(entry.modRevision);
    const rest = header.jsonAt + this.#storedPrefixLength;
    const length = metadataOpen.length + revision.length + 2 + value.length - rest;
    const { buffer, offset } = this.#slabs.allocate(prefix.length + length + frameEnd.length);
    prefix.copy(buffer, offset);
    const start = offset + prefix.length;
    writeTail({ buffer, start }, revision, { buffer: value, start: rest, end: value.length });
    frameEnd.copy(buffer, start + length);
    return this.#object(key, entry, header, { buffer, start, length });
  }

  #object(
    key: string,
    entry: Entry,
    header: StoredHeader,
    at: { readonly buffer: Buffer; readonly start: number; readonly length: number },
  ): CachedObject {
    const grown = '"resourceVersion":"",'.length + String(entry.modRevision).length;
    const prefixLength = this.#storedPrefixLength - '"metadata":{'.length;
    return new CachedObject({
      key,
      revision: entry.modRevision,
      labels: header.labels,
      fields: header.fields,
      metadataLength: header.metadataEnd - header.jsonAt - prefixLength + grown,
      ...at,
    });
  }

  /** Another holder of the same bytes: events keep theirs when the cache moves its own. */
  #twin(object: CachedObject): CachedObject {
    return new CachedObject(object);
  }

  /** A copy on a slab, so that an event never keeps a whole page alive. */
  #copy(object: CachedObject): CachedObject {
    const { buffer, offset } = this.#slabs.allocate(object.length);
    object.buffer.copy(buffer, offset, object.start, object.start + object.length);
    return new CachedObject({
      key: object.key,
      revision: object.revision,
      labels: object.labels,
      fields: object.fields,
      metadataLength: object.metadataLength,
      buffer,
      start: offset,
      length: object.length,
    });
  }

  /** The frame of a deletion: the object as it was, at the revision of the deletion. */
  #buryFrame(known: CachedObject, revision: number): CachedObject {
    const digits = String(revision);
    const prefix = this.#framePrefix.DELETED;
    const from = known.start + known.revisionEnd;
    const end = known.start + known.length;
    const length = metadataOpen.length + digits.length + 2 + end - from;
    const { buffer, offset } = this.#slabs.allocate(prefix.length + length + frameEnd.length);
    prefix.copy(buffer, offset);
    const start = offset + prefix.length;
    writeTail({ buffer, start }, digits, { buffer: known.buffer, start: from, end });
    frameEnd.copy(buffer, start + length);
    return new CachedObject({
      key: known.key,
      revision,
      labels: known.labels,
      fields: known.fields,
      metadataLength: known.metadataLength + digits.length - String(known.revision).length,
      buffer,
      start,
      length,
    });
  }

  #track(before: CachedObject | undefined, now: CachedObject | undefined): void {
    this.#bytes += (now?.length ?? 0) - (before?.length ?? 0);
    if (this.#nodeField < 0) return;
    if (before !== undefined) this.#leaveNode(before);
    // The index's holder, whose bytes may move; an event's twin would pin its slab.
    if (now !== undefined) this.#joinNode(this.#index.get(now.key) ?? now);
  }

  #leaveNode(object: CachedObject): void {
    const node = object.fields[this.#nodeField] ?? "";
    const objects = this.#byNode.get(node);
    objects?.delete(object.key);
    if (objects?.size === 0) this.#byNode.delete(node);
  }

  #joinNode(object: CachedObject): void {
    const node = object.fields[this.#nodeField] ?? "";
    if (node === "") return;
    const objects = this.#byNode.get(node) ?? new Map<string, CachedObject>();
    objects.set(object.key, object);
    this.#byNode.set(node, objects);
  }

  /** Moves loose objects into pages when they have become many, so that their slabs go. */
  #settleWhenLoose(bytes: number): void {
    this.#looseBytes += bytes;
    const bound = Math.max(looseBytesMin, this.#bytes * looseShareMax);
    if (this.#settling || this.#looseBytes < bound) return;
    this.#settling = true;
    this.#tasks.start(async (signal) => {
      this.#looseBytes = 0;
      let turn = 0;
      for (const leaf of this.#index.leaves()) {
        if (leaf.hasPage) continue;
        leaf.page();
        if (++turn % pagesPerTurn === 0) await nextTurn();
        if (signal.aborted) return;
      }
      this.#settling = false;
    });
  }
}

/** Writes the metadata's beginning with the revision, and the rest behind it. No views are made. */
function writeTail(
  to: { readonly buffer: Buffer; readonly start: number },
  revision: string,
  rest: { readonly buffer: Buffer; readonly start: number; readonly end: number },
): void {
  metadataOpen.copy(to.buffer, to.start);
  const digitsAt = to.start + metadataOpen.length;
  to.buffer.write(`${revision}",`, digitsAt, "latin1");
  rest.buffer.copy(to.buffer, digitsAt + revision.length + 2, rest.start, rest.end);
}
