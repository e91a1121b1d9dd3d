import type {
  CSIDriver,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "#api/gen/types.ts";
import { defaultClaimSpec } from "#api/rules/pod/volume-defaults.ts";
import type { Draft } from "#api/rules/rules.ts";

export function defaultPersistentVolume(volume: Draft<PersistentVolume>): void {
  const status = (volume.status ??= {});
  status.phase ||= "Pending";
  const spec = (volume.spec ??= {});
  spec.persistentVolumeReclaimPolicy ||= "Retain";
  spec.volumeMode ??= "Filesystem";
  if (spec.hostPath !== undefined) spec.hostPath.type ??= "";
}

export function defaultPersistentVolumeClaim(claim: Draft<PersistentVolumeClaim>): void {
  const status = (claim.status ??= {});
  status.phase ||= "Pending";
  defaultClaimSpec((claim.spec ??= {}));
}

export function defaultStorageClass(it: Draft<StorageClass>): void {
  it.reclaimPolicy ??= "Delete";
  it.volumeBindingMode ??= "Immediate";
}

export function defaultCsiDriver(driver: Draft<CSIDriver>): void {
  const spec = (driver.spec ??= {});
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType";
  if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ["Persistent"];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}
