import { lstat } from "node:fs/promises";
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from "#api/gen/types.ts";
import { claimNameOf, isFullyBound, isOwnedByPod, notOwnedMessage } from "#api/volumes/claims.ts";
import type { StorageObjects } from "#kubelet/ports.ts";
import { checkHostPath } from "./host-path.ts";

/** Where a claim's volume is on this node. */
export interface ClaimedVolume {
  readonly path: string;
  readonly readOnly: boolean;
  /** Whether the pod's fsGroup is to own it; a hostPath keeps its owner, as upstream. */
  readonly takesGroup: boolean;
}

/**
 * Finds the volume that a claim of the pod is bound to, and checks that it is there.
 * @throws {Error} saying what is missing.
 */
export async function findClaimedVolume(
  pod: Pod,
  volume: Volume,
  storage: StorageObjects,
  signal: AbortSignal,
): Promise<ClaimedVolume> {
  const namespace = pod.metadata?.namespace ?? "";
  const name = claimNameOf(pod, volume) ?? "";
  const title = `PVC ${namespace}/${name}`;
  const claim = await storage.claim({ namespace, name }, signal);
  if (claim === undefined) throw new Error(`error processing ${title}: it was not found`);
  if (volume.ephemeral !== undefined && !isOwnedByPod(claim, pod)) {
    throw new Error(`error processing ${title}: ${notOwnedMessage(claim, pod)}`);
  }
  if (claim.status?.phase !== "Bound" || !isFullyBound(claim)) {
    throw new Error(`error processing ${title}: PVC is not bound`);
  }
  const found = await boundVolume(claim, title, storage, signal);
  return await placeOf(found, volume.persistentVolumeClaim?.readOnly === true);
}

async function boundVolume(
  claim: PersistentVolumeClaim,
  title: string,
  storage: StorageObjects,
  signal: AbortSignal,
): Promise<PersistentVolume> {
  const name = claim.spec?.volumeName ?? "";
  const volume = await storage.volume(name, signal);
  if (volume === undefined) {
    throw new Error(`error processing ${title}: PersistentVolume "${name}" was not found`);
  }
  if (volume.spec?.claimRef?.uid !== claim.metadata?.uid) {
    throw new Error(`error processing ${title}: PersistentVolume "${name}" is another claim's`);
  }
  return volume;
}

/** Everything of a volume's spec that is not its source. */
const plainFields = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

async function placeOf(volume: PersistentVolume, readOnly: boolean): Promise<ClaimedVolume> {
  const { spec = {}, metadata } = volume;
  if (spec.volumeMode === "Block") {
    throw new Error(
      `PersistentVolume "${metadata?.name ?? ""}" has volumeMode Block, which this node cannot give to pods`,
    );
  }
  if (spec.local !== undefined) {
    const { path } = spec.local;
    if (!(await exists(path))) throw new Error(`path "${path}" does not exist`);
    return { path, readOnly, takesGroup: !readOnly };
  }
  if (spec.hostPath !== undefined) {
    await checkHostPath(spec.hostPath.path, spec.hostPath.type);
    return { path: spec.hostPath.path, readOnly, takesGroup: false };
  }
  const kind = Object.keys(spec).find((it) => !plainFields.has(it)) ?? "without a source";
  throw new Error(`volumes of kind '${kind}' are not supported on this node`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
