import { isJsonObject, type JsonObject } from "#api/object.ts";

/** JSON bytes of the objects in one of two generations: some thousand pods, a second of many writes. */
export const generationBytesMax = 4 * 1024 * 1024;

/**
 * The objects that this server wrote last, as their writers had them: to copy one costs a third of
 * parsing its bytes, and whoever changes or watches an object mostly does so soon after it was
 * written. They never leave the cache but as copies.
 */
export class ParsedObjects {
  /** By the value on its way to the store, which a store in this process hands back as it is. */
  readonly #announced = new WeakMap<Uint8Array, JsonObject>();
  #young = new Map<number, JsonObject>();
  #old = new Map<number, JsonObject>();
  #youngBytes = 0;

  /** Says which object a value holds that is about to be written. Its parts change no more. */
  announce(value: Uint8Array, object: JsonObject): void {
    this.#announced.set(value, object);
  }

  /** A value has come back from the store: its object is found by the revision from now on. */
  settle(
    value: Uint8Array,
    revision: number,
    type: { readonly kind: string; readonly apiVersion: string },
  ): void {
    const object = this.#announced.get(value);
    if (object === undefined) return;
    this.#announced.delete(value);
    const { kind, apiVersion } = type;
    this.#keep(withRevision({ ...object, kind, apiVersion }, revision), revision, value.length);
  }

  /** The object of one revision is that of another, too: a deletion shows what was there. */
  again(revision: number, later: number, bytes: number): void {
    const object = this.find(revision);
    if (object !== undefined) this.#keep(withRevision(object, later), later, bytes);
  }

  /** The object of a revision; shared: copy it. Undefined when it is not kept. */
  find(revision: number): JsonObject | undefined {
    return this.#young.get(revision) ?? this.#old.get(revision);
  }

  #keep(object: JsonObject, revision: number, bytes: number): void {
    this.#young.set(revision, object);
    this.#youngBytes += bytes;
    if (this.#youngBytes <= generationBytesMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

/** The object with another revision, its fields in the order in which they are stored. */
function withRevision(object: JsonObject, revision: number): JsonObject {
  const { kind, apiVersion, metadata, ...rest } = object;
  const kept = isJsonObject(metadata) ? metadata : {};
  return { kind, apiVersion, metadata: { ...kept, resourceVersion: String(revision) }, ...rest };
}
