import { childObject, childString, type JsonObject } from "#api/object.ts";
import { builtinResources } from "#api/kinds/list.ts";
import type { ObjectSink, ObjectSource } from "#apiserver/contract.ts";

const pluralOf = new Map(builtinResources.map((it) => [`${it.group}/${it.kind}`, it.plural]));

/**
 * Objects in memory, as the API server's caches give them to its own rules. Every write gets a new
 * `resourceVersion` and, at first, a uid; listeners run before the write returns.
 */
export class ObjectFixture implements ObjectSource, ObjectSink {
  /** Every write, for tests that count them: `create clusterroles admin`. */
  readonly writes: string[] = [];
  readonly #kinds = new Map<string, Map<string, JsonObject>>();
  readonly #listeners = new Map<string, (() => void)[]>();
  #revision = 0;

  constructor(objects: readonly JsonObject[] = []) {
    for (const object of objects) this.put(object);
  }

  /** Stores a copy under the object's own kind and name, replacing what is there. */
  put(object: JsonObject): JsonObject {
    const { resource, group } = resourceOf(object);
    return this.#store(resource, group, object);
  }

  remove(resource: string, group: string, namespace: string, name: string): void {
    this.#kind(resource, group).delete(`${namespace}/${name}`);
    this.#changed(resource, group);
  }

  get(resource: string, group: string, namespace: string, name: string): JsonObject | undefined {
    return this.#kind(resource, group).get(`${namespace}/${name}`);
  }

  list(resource: string, group: string, namespace?: string): readonly JsonObject[] {
    const all = [...this.#kind(resource, group).values()];
    if (namespace === undefined) return all;
    return all.filter((it) => childString(childObject(it, "metadata"), "namespace") === namespace);
  }

  podsOnNode(node: string): readonly JsonObject[] {
    return this.list("pods", "").filter(
      (pod) => childString(childObject(pod, "spec"), "nodeName") === node,
    );
  }

  onChange(resource: string, group: string, listener: () => void): void {
    const key = `${group}/${resource}`;
    this.#listeners.set(key, [...(this.#listeners.get(key) ?? []), listener]);
  }

  ensure(resource: string, group: string, object: JsonObject): Promise<boolean> {
    const { namespace, name } = placeOf(object);
    if (this.get(resource, group, namespace, name) !== undefined) return Promise.resolve(false);
    this.writes.push(`create ${resource} ${name}`);
    this.#store(resource, group, object);
    return Promise.resolve(true);
  }

  change(
    resource: string,
    group: string,
    at: { readonly namespace: string; readonly name: string },
    change: (object: JsonObject) => JsonObject | undefined,
  ): Promise<void> {
    const found = this.get(resource, group, at.namespace, at.name);
    if (found === undefined) return Promise.reject(new Error(`${resource} ${at.name} not found`));
    const changed = change(structuredClone(found));
    if (changed !== undefined) {
      this.writes.push(`change ${resource} ${at.name}`);
      this.#store(resource, group, changed);
    }
    return Promise.resolve();
  }

  #store(resource: string, group: string, object: JsonObject): JsonObject {
    const { namespace, name } = placeOf(object);
    this.#revision++;
    const metadata = childObject(object, "metadata");
    const stored = freeze(
      structuredClone({
        ...object,
        metadata: {
          ...metadata,
          uid: childString(metadata, "uid") ?? `uid-${this.#revision}`,
          resourceVersion: String(this.#revision),
        },
      }),
    );
    this.#kind(resource, group).set(`${namespace}/${name}`, stored);
    this.#changed(resource, group);
    return stored;
  }

  #kind(resource: string, group: string): Map<string, JsonObject> {
    const key = `${group}/${resource}`;
    const found = this.#kinds.get(key) ?? new Map<string, JsonObject>();
    this.#kinds.set(key, found);
    return found;
  }

  #changed(resource: string, group: string): void {
    for (const listener of this.#listeners.get(`${group}/${resource}`) ?? []) listener();
  }
}

function placeOf(object: JsonObject): { namespace: string; name: string } {
  const metadata = childObject(object, "metadata");
  const namespace = childString(metadata, "namespace") ?? "";
  return { namespace, name: childString(metadata, "name") ?? "" };
}

function resourceOf(object: JsonObject): { resource: string; group: string } {
  const version = childString(object, "apiVersion") ?? "";
  const group = version.includes("/") ? (version.split("/")[0] ?? "") : "";
  const resource = pluralOf.get(`${group}/${childString(object, "kind") ?? ""}`);
  if (resource === undefined) throw new Error(`fixture: unknown kind ${JSON.stringify(object)}`);
  return { resource, group };
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) freeze(child);
    Object.freeze(value);
  }
  return value;
}
