import type { PersistentVolumeClaim, Pod, Service } from "#api/gen/types.ts";
import { isCharged, isTerminating } from "#api/quota/pods.ts";
import type { Change } from "#client/cache.ts";
import { sameJson } from "#controllers/same-json.ts";

/**
 * Changes after which quotas have to be counted again: something is gone, or takes another amount
 * without having been charged for it. Upstream: `DefaultUpdateFilter`.
 */

export function isGone({ current }: Change<object>): boolean {
  return current === undefined;
}

/** `nowMs` is milliseconds since 1970. */
export function podFrees({ previous, current }: Change<Pod>, nowMs: number): boolean {
  if (current === undefined) return true;
  if (previous === undefined) return false;
  if (isTerminating(previous) !== isTerminating(current)) return true;
  if (isCharged(previous, nowMs) && !isCharged(current, nowMs)) return true;
  return !sameJson(resourcesOf(previous), resourcesOf(current));
}

export function serviceFrees({ previous, current }: Change<Service>): boolean {
  if (current === undefined) return true;
  return previous !== undefined && previous.spec?.type !== current.spec?.type;
}

export function claimFrees({ previous, current }: Change<PersistentVolumeClaim>): boolean {
  if (current === undefined) return true;
  if (previous === undefined) return false;
  return !sameJson(claimParts(previous), claimParts(current));
}

/** What containers really have, which follows their spec when they are resized. */
function resourcesOf({ status }: Pod): object {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return Object.fromEntries(
    all.filter((it) => it.resources !== undefined).map((it) => [it.name, it.resources]),
  );
}

function claimParts({ spec, status }: PersistentVolumeClaim): object {
  return {
    allocated: status?.allocatedResources,
    classes: [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ],
  };
}
