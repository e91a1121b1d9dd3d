import { builtinResources } from "#api/kinds/list.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Resource } from "#api/resource.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";

/** Kinds that can own or be owned, each once; events refer to objects and belong to none. */
export const collectedResources: readonly Resource[] = [
  ...new Map(
    builtinResources
      .filter((it) => it.plural !== "events")
      .filter((it) =>
        (["list", "watch", "delete"] as const).every((verb) => it.verbs.includes(verb)),
      )
      .map((it) => [it.storageKey, it]),
  ).values(),
];

/**
 * The objects of a kind with the few fields of their metadata that ownership and deletion need;
 * shared by all controllers that look at every kind.
 */
export function ownershipInformer(
  informers: Informers,
  resource: Resource,
): Informer<KubernetesObject> {
  return informers.of<KubernetesObject>(resource, {
    metadataOnly: true,
    name: "ownership",
    project: onlyOwnership,
  });
}

/** Of an object, what ownership and deletion need. */
export function onlyOwnership(object: KubernetesObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, ...rest } = object.metadata ?? {};
  const { ownerReferences, finalizers, deletionTimestamp } = rest;
  return {
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace === undefined ? {} : { namespace }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
  };
}
