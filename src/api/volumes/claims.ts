import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#api/gen/types.ts";

/**
 * Annotations with which binder, scheduler and provisioners speak to each other. Upstream:
 * component-helpers `storage/volume/pv_helpers.go`.
 */
export const bindCompleted = "pv.kubernetes.io/bind-completed";
export const boundByController = "pv.kubernetes.io/bound-by-controller";
export const provisionedBy = "pv.kubernetes.io/provisioned-by";
export const selectedNode = "volume.kubernetes.io/selected-node";
export const storageProvisioner = "volume.kubernetes.io/storage-provisioner";
export const betaStorageProvisioner = "volume.beta.kubernetes.io/storage-provisioner";
const betaClass = "volume.beta.kubernetes.io/storage-class";

/** The provisioner that is built in: directories on the nodes themselves. */
export const localPathProvisioner = "gantry.dev/local-path";
/** The provisioner of classes whose volumes an administrator makes. */
export const noProvisioner = "kubernetes.io/no-provisioner";
/** A class that is the default one says so by this annotation. */
export const isDefaultClass = "storageclass.kubernetes.io/is-default-class";

export function annotationOf(
  object: Pick<PersistentVolume, "metadata">,
  key: string,
): string | undefined {
  return object.metadata?.annotations?.[key];
}

/** Name of the class that the claim asks for; empty for none. */
export function classOfClaim(claim: PersistentVolumeClaim): string {
  return annotationOf(claim, betaClass) ?? claim.spec?.storageClassName ?? "";
}

export function classOfVolume(volume: PersistentVolume): string {
  return annotationOf(volume, betaClass) ?? volume.spec?.storageClassName ?? "";
}

/** Whether the claim leaves the choice of class to the cluster. */
export function namesNoClass(claim: PersistentVolumeClaim): boolean {
  return annotationOf(claim, betaClass) === undefined && claim.spec?.storageClassName === undefined;
}

/** Whether the volume is reserved for this claim, or bound to it. */
export function isForClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  if (ref === undefined) return false;
  const { name, namespace, uid } = claim.metadata ?? {};
  if (ref.name !== name || ref.namespace !== namespace) return false;
  return (ref.uid ?? "") === "" || ref.uid === uid;
}

/** Whether the binder has finished with the claim: pods may use it. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.volumeName ?? "") !== "" && annotationOf(claim, bindCompleted) !== undefined;
}

/** Name of the claim that a pod's volume is; undefined for volumes of other kinds. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim !== undefined) return volume.persistentVolumeClaim.claimName;
  if (volume.ephemeral === undefined) return undefined;
  return `${pod.metadata?.name ?? ""}-${volume.name}`;
}

/** Whether the claim was made for an ephemeral volume of this very pod. */
export function isOwnedByPod(claim: PersistentVolumeClaim, pod: Pod): boolean {
  const owners = claim.metadata?.ownerReferences ?? [];
  return owners.some((it) => it.controller === true && it.uid === pod.metadata?.uid);
}

/** Why a claim of that name is not the pod's own; upstream's words. */
export function notOwnedMessage(claim: PersistentVolumeClaim, pod: Pod): string {
  const [it, owner] = [claim.metadata ?? {}, pod.metadata ?? {}];
  const claimName = `${it.namespace ?? ""}/${it.name ?? ""}`;
  return `PVC ${claimName} was not created for pod ${owner.namespace ?? ""}/${owner.name ?? ""} (pod is not owner)`;
}
