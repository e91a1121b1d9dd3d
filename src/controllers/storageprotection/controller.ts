import type { Pod } from "#api/gen/types.ts";
import type { KubernetesObject } from "#api/object.ts";
import { isStatus } from "#api/status.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  volumeAttributesClasses,
} from "#client/kinds.ts";
import { keyOf, nameOf, namespaceOf } from "#client/object-key.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { claimIndex, claimKeysOf, indexPodsByClaim } from "#controllers/pods/claims.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import {
  attributesFinalizer,
  claimFinalizer,
  planFinalizers,
  podUsesClaim,
  usesAttributes,
  volumeFinalizer,
} from "./plan.ts";

/** Holds a deleted claim until the last pod that uses it is gone. */
export function claimProtectionController(ports: ControllerPorts): Controller {
  const claims = ports.informers.of(persistentVolumeClaims);
  const all = ports.informers.of(pods);
  indexPodsByClaim(all);
  return {
    name: "persistentvolumeclaim-protection-controller",
    workers: 4,
    watches: [watches(claims, ownKey), watches(all, claimKeysOf)],
    async reconcile(key, signal) {
      const claim = claims.get(key);
      if (claim === undefined) return {};
      const known = all.byIndex(claimIndex, key);
      let wanted = planFinalizers(claim.metadata ?? {}, claimFinalizer, () =>
        known.some((it) => podUsesClaim(it, claim)),
      );
      const letsGo = wanted !== undefined && claim.metadata?.deletionTimestamp !== undefined;
      if (letsGo) {
        // The cache may not have seen the newest pod; data is at stake, so the server is asked.
        const namespace = namespaceOf(claim);
        const { items } = await ports.client.list<Pod>(pods, { namespace }, signal);
        if (items.some((it) => podUsesClaim(it, claim))) wanted = undefined;
      }
      await write(ports, { resource: persistentVolumeClaims, object: claim }, wanted, signal);
      return {};
    },
  };
}

/** Holds a deleted volume while it is bound. */
export function volumeProtectionController(ports: ControllerPorts): Controller {
  const volumes = ports.informers.of(persistentVolumes);
  return {
    name: "persistentvolume-protection-controller",
    workers: 4,
    watches: [watches(volumes, ownKey)],
    async reconcile(key, signal) {
      const volume = volumes.get(key);
      if (volume === undefined) return {};
      const isBound = (): boolean => volume.status?.phase === "Bound";
      const wanted = planFinalizers(volume.metadata ?? {}, volumeFinalizer, isBound);
      await write(ports, { resource: persistentVolumes, object: volume }, wanted, signal);
      return {};
    },
  };
}

/** Holds a deleted VolumeAttributesClass while a claim or a volume names it. */
export function attributesProtectionController(ports: ControllerPorts): Controller {
  const classes = ports.informers.of(volumeAttributesClasses);
  const claims = ports.informers.of(persistentVolumeClaims);
  const volumes = ports.informers.of(persistentVolumes);
  // Few clusters have such classes, and few classes are deleted.
  const ending = (): string[] =>
    classes
      .list()
      .filter((it) => it.metadata?.deletionTimestamp !== undefined)
      .map(keyOf);
  return {
    name: "volumeattributesclass-protection-controller",
    workers: 1,
    watches: [watches(classes, ownKey), watches(claims, ending), watches(volumes, ending)],
    async reconcile(key, signal) {
      const found = classes.get(key);
      if (found === undefined) return {};
      const name = nameOf(found);
      const isUsed = (): boolean =>
        [...claims.list(), ...volumes.list()].some((it) => usesAttributes(it, name));
      const wanted = planFinalizers(found.metadata ?? {}, attributesFinalizer, isUsed);
      await write(ports, { resource: volumeAttributesClasses, object: found }, wanted, signal);
      return {};
    },
  };
}

async function write<T extends KubernetesObject>(
  { client }: ControllerPorts,
  { resource, object }: { readonly resource: ResourceOf<T>; readonly object: T },
  finalizers: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (finalizers === undefined) return;
  const metadata = { ...object.metadata, finalizers };
  try {
    await client.update<T>(resource, { ...object, metadata }, {}, signal);
  } catch (error) {
    // Let go by an earlier look, which the cache has yet to show.
    if (!isStatus(error, "NotFound")) throw error;
  }
}
