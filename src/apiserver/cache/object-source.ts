import type { JsonObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import type { ObjectSource } from "#apiserver/contract.ts";
import type { CachedObject } from "./cached-object.ts";
import type { RegistryCache } from "./registry-cache.ts";

/**
 * The server's own objects for its own use, parsed when first asked for and kept parsed as long as
 * they do not change.
 */
export function objectSource(cache: RegistryCache, resources: readonly Resource[]): ObjectSource {
  const byName = new Map(resources.map((it) => [`${it.group}/${it.plural}`, it]));
  const parsed = new WeakMap<CachedObject, JsonObject>();

  function resourceOf(plural: string, group: string): Resource {
    const found = byName.get(`${group}/${plural}`);
    if (found === undefined) throw new Error(`no resource '${plural}' in group '${group}'`);
    return found;
  }

  function decode(object: CachedObject, resource: Resource): JsonObject {
    const known = parsed.get(object);
    if (known !== undefined) return known;
    const decoded = freeze(cache.of(resource).decode(object));
    parsed.set(object, decoded);
    return decoded;
  }

  return {
    get(plural, group, namespace, name) {
      const resource = resourceOf(plural, group);
      const key = resource.namespaced ? `${namespace}/${name}` : name;
      const object = cache.of(resource).get(key);
      return object === undefined ? undefined : decode(object, resource);
    },
    list(plural, group, namespace) {
      const resource = resourceOf(plural, group);
      const kind = cache.of(resource);
      const leaves = namespace === undefined ? kind.leaves() : kind.leavesIn(namespace);
      return leaves.flatMap((it) => it.objects.map((object) => decode(object, resource)));
    },
    podsOnNode(node) {
      const pods = resourceOf("pods", "");
      return (cache.of(pods).onNode(node) ?? []).map((object) => decode(object, pods));
    },
    onChange(plural, group, listener) {
      cache.onChange(resourceOf(plural, group).storageKey, listener);
    },
  };
}

/** Freezes an object with all that is in it: it is shared. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const key in value) freeze(value[key]);
  return Object.freeze(value);
}
