import type { PersistentVolume, PersistentVolumeClaim, Pod } from "#api/gen/types.ts";
import type { Metadata } from "#api/object.ts";
import { claimNameOf, isOwnedByPod } from "#api/volumes/claims.ts";

export const claimFinalizer = "kubernetes.io/pvc-protection";
export const volumeFinalizer = "kubernetes.io/pv-protection";
export const attributesFinalizer = "kubernetes.io/vac-protection";

/**
 * The finalizers that a protected object is to have; undefined: it has them. One that is not being
 * deleted is protected; one that is, is let go when nobody uses it. `isUsed` is asked only then.
 */
export function planFinalizers(
  { deletionTimestamp, finalizers = [] }: Metadata,
  finalizer: string,
  isUsed: () => boolean,
): readonly string[] | undefined {
  const has = finalizers.includes(finalizer);
  if (deletionTimestamp === undefined) return has ? undefined : [...finalizers, finalizer];
  return has && !isUsed() ? finalizers.filter((it) => it !== finalizer) : undefined;
}

/**
 * Whether the claim must stay for the pod. A pod without a node does not hold a claim: no kubelet
 * starts a pod whose claim is being deleted. A pod that has ended still does, as long as it is
 * there; but not its own ephemeral volumes.
 * Upstream: `pkg/controller/volume/pvcprotection`, podUsesPVC.
 */
export function podUsesClaim(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if ((pod.spec?.nodeName ?? "") === "") return false;
  const name = claim.metadata?.name;
  return (pod.spec?.volumes ?? []).some((volume) => {
    if (claimNameOf(pod, volume) !== name) return false;
    if (volume.ephemeral === undefined) return true;
    return isOwnedByPod(claim, pod) && !hasShutDown(pod);
  });
}

/** Its containers have ended and the API server was told to forget it. */
function hasShutDown({ metadata, status }: Pod): boolean {
  const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
  const isLetGo =
    metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
  return isOver || isLetGo;
}

/** Whether a class of attributes is in use by a claim or a volume. */
export function usesAttributes(
  it: PersistentVolumeClaim | PersistentVolume,
  name: string,
): boolean {
  const { spec, status = {} } = it;
  if (spec?.volumeAttributesClassName === name) return true;
  if ("currentVolumeAttributesClassName" in status) {
    if (status.currentVolumeAttributesClassName === name) return true;
  }
  return (
    "modifyVolumeStatus" in status &&
    status.modifyVolumeStatus?.targetVolumeAttributesClassName === name
  );
}
