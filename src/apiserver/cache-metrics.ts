import type { Sample } from "#base/metrics/exposition.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { RegistryCache } from "./cache/registry-cache.ts";
import type { ResourceCache } from "./cache/resource-cache.ts";

/** Tells what the cache holds: objects stored and watches open. */
export function exposeCache(metrics: MetricRegistry, cache: RegistryCache): void {
  const type = "gauge";
  metrics.computed(
    { name: "apiserver_storage_objects", help: "Objects stored, by resource.", type },
    () =>
      samples(cache, ({ resource: { group, plural }, size }) => {
        const resource = group === "" ? plural : `${plural}.${group}`;
        return { labels: { resource }, value: size };
      }),
  );
  metrics.computed(
    { name: "apiserver_resource_objects", help: "Objects stored, by group and resource.", type },
    () => samples(cache, ({ resource, size }) => ({ labels: labelsOf(resource), value: size })),
  );
  metrics.computed(
    { name: "apiserver_registered_watchers", help: "Watches open, by resource.", type },
    () =>
      samples(cache, ({ resource, fanout }) =>
        fanout.size === 0 ? undefined : { labels: labelsOf(resource), value: fanout.size },
      ),
  );
}

function* samples(
  cache: RegistryCache,
  sampleOf: (cache: ResourceCache) => Sample | undefined,
): Iterable<Sample> {
  for (const it of cache.all) {
    const sample = sampleOf(it);
    if (sample !== undefined) yield sample;
  }
}

function labelsOf({ group, plural }: ResourceCache["resource"]): Sample["labels"] {
  return { group, resource: plural };
}
