import type { DownwardAPIVolumeFile, PersistentVolumeClaimSpec, Volume } from "#api/gen/types.ts";
import { isJsonObject } from "#api/object.ts";
import type { Draft } from "#api/rules/rules.ts";
import { defaultPullPolicy } from "./image.ts";

/** 0644. */
const fileMode = 0o644;

/** Fills in what a volume's source leaves open; without a source it is an empty folder. */
export function defaultVolume(volume: Draft<Volume>): void {
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= fileMode;
  else if (volume.secret !== undefined) volume.secret.defaultMode ??= fileMode;
  else if (volume.projected !== undefined) defaultProjected(volume.projected);
  else if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= fileMode;
    for (const it of volume.downwardAPI.items ?? []) defaultFile(it);
  } else if (volume.hostPath !== undefined) volume.hostPath.type ??= "";
  else defaultRareVolume(volume);
}

function defaultRareVolume(volume: Draft<Volume>): void {
  if (volume.image !== undefined) {
    if ((volume.image.pullPolicy ?? "") === "") {
      volume.image.pullPolicy = defaultPullPolicy(volume.image.reference);
    }
  } else if (volume.ephemeral?.volumeClaimTemplate !== undefined) {
    defaultClaimSpec((volume.ephemeral.volumeClaimTemplate.spec ??= {}));
  } else {
    defaultDiskVolume(volume);
    if (!hasSource(volume)) volume.emptyDir = {};
  }
}

function hasSource(volume: Draft<Volume>): boolean {
  return Object.entries(volume).some(([key, value]) => key !== "name" && isJsonObject(value));
}

function defaultDiskVolume(volume: Draft<Volume>): void {
  if (volume.iscsi !== undefined) volume.iscsi.iscsiInterface ??= "default";
  if (volume.rbd !== undefined) {
    volume.rbd.pool ??= "rbd";
    volume.rbd.user ??= "admin";
    volume.rbd.keyring ??= "/etc/ceph/keyring";
  }
  if (volume.azureDisk !== undefined) {
    volume.azureDisk.cachingMode ??= "ReadWrite";
    volume.azureDisk.kind ??= "Shared";
    volume.azureDisk.fsType ??= "ext4";
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO !== undefined) {
    volume.scaleIO.storageMode ??= "ThinProvisioned";
    volume.scaleIO.fsType ??= "xfs";
  }
}

function defaultProjected(projected: Draft<NonNullable<Volume["projected"]>>): void {
  projected.defaultMode ??= fileMode;
  for (const source of projected.sources ?? []) {
    if (source.serviceAccountToken !== undefined) {
      source.serviceAccountToken.expirationSeconds ??= 3600;
    }
    for (const it of source.downwardAPI?.items ?? []) defaultFile(it);
  }
}

function defaultFile(file: Draft<DownwardAPIVolumeFile>): void {
  if (file.fieldRef !== undefined && (file.fieldRef.apiVersion ?? "") === "") {
    file.fieldRef.apiVersion = "v1";
  }
  if (file.resourceFieldRef !== undefined) file.resourceFieldRef.divisor ??= "0";
}

/** Upstream: `SetDefaults_PersistentVolumeClaimSpec`. */
export function defaultClaimSpec(spec: Draft<PersistentVolumeClaimSpec>): void {
  spec.volumeMode ??= "Filesystem";
  spec.resources ??= {};
}
