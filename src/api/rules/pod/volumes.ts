import type { ObjectMeta, Volume } from "#api/gen/types.ts";
import { dns1123LabelFaults, dns1123SubdomainFaults } from "#api/names.ts";
import { isJsonObject } from "#api/object.ts";
import { findQuantity } from "#api/quantity.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkClaimSpec } from "#api/rules/storage/claims.ts";
import { checkCsiDriverName } from "#api/rules/storage/driver-name.ts";
import { isEmpty } from "./defaults.ts";
import { checkDownwardFile } from "./downward-files.ts";
import type { Volumes } from "./mounts.ts";
import { checkFileMode, checkNoBacksteps } from "./paths.ts";
import { checkProjected, checkItem } from "./projections.ts";

const noVolumes: Volumes = new Map();

/**
 * Checks the volumes of a pod and returns the good ones by name. `meta` is the pod's, and undefined
 * in a template. Upstream: `ValidateVolumes`.
 */
export function checkVolumes(
  volumes: readonly Loose<Volume>[] | undefined,
  meta: Loose<ObjectMeta> | undefined,
  at: Faults,
): Volumes {
  if (volumes === undefined) return noVolumes;
  const valid = new Map<string, Loose<Volume>>();
  for (const [i, it] of volumes.entries()) {
    at.enter("volumes", i);
    const before = at.errors.length;
    const name = it.name ?? "";
    checkVolume(it, meta, at);
    if (name === "") at.required("name");
    else at.invalidAll("name", name, dns1123LabelFaults(name));
    if (valid.has(name)) at.duplicate("name", name);
    if (at.errors.length === before) valid.set(name, it);
    at.leave();
  }
  return valid;
}

type SourceCheck = (volume: Loose<Volume>, at: Faults, isPod: boolean) => void;

const checks: Readonly<Record<string, SourceCheck>> = {
  emptyDir: (it, at) => {
    const limit = it.emptyDir?.sizeLimit;
    if (limit !== undefined && (findQuantity(limit)?.sign() ?? 0) < 0) {
      at.forbidden("sizeLimit", "SizeLimit field must be a valid resource quantity");
    }
  },
  hostPath: checkHostPath,
  secret: (it, at) => {
    if (isEmpty(it.secret?.secretName)) at.required("secretName");
    checkFileMode("defaultMode", it.secret?.defaultMode, at);
    checkItems(it.secret?.items ?? [], at);
  },
  configMap: (it, at) => {
    if (isEmpty(it.configMap?.name)) at.required("name");
    checkFileMode("defaultMode", it.configMap?.defaultMode, at);
    checkItems(it.configMap?.items ?? [], at);
  },
  projected: (it, at) => {
    checkProjected(it.projected ?? {}, at);
  },
  downwardAPI: (it, at) => {
    checkFileMode("defaultMode", it.downwardAPI?.defaultMode, at);
    for (const file of it.downwardAPI?.items ?? []) checkDownwardFile(file, at);
  },
  persistentVolumeClaim: requires(["claimName"]),
  nfs: (it, at) => {
    requires(["server", "path"])(it, at, true);
    const path = it.nfs?.path ?? "";
    if (!path.startsWith("/")) at.invalid("path", path, "must be an absolute path");
  },
  csi: (it, at) => {
    checkCsiDriverName("driver", it.csi?.driver, at);
    const secret = it.csi?.nodePublishSecretRef;
    if (secret === undefined) return;
    if (isEmpty(secret.name)) at.required("nodePublishSecretRef.name");
    else at.invalidAll("name", secret.name, dns1123SubdomainFaults(secret.name ?? ""));
  },
  ephemeral: (it, at) => {
    const template = it.ephemeral?.volumeClaimTemplate;
    if (template === undefined) {
      at.required("volumeClaimTemplate");
      return;
    }
    at.enter("volumeClaimTemplate");
    checkClaimSpec("spec", template.spec ?? {}, at);
    at.leave();
  },
  image: (it, at, isPod) => {
    if (isPod && isEmpty(it.image?.reference)) at.required("reference");
    at.oneOf("pullPolicy", it.image?.pullPolicy, ["Always", "IfNotPresent", "Never"]);
  },
  gitRepo: requires(["repository"]),
  iscsi: requires(["targetPortal", "iqn"]),
  glusterfs: requires(["endpoints", "path"]),
  rbd: requires(["monitors", "image"]),
  cinder: requires(["volumeID"]),
  cephfs: requires(["monitors"]),
  quobyte: requires(["registry", "volume"]),
  flexVolume: requires(["driver"]),
  azureFile: requires(["secretName", "shareName"]),
  azureDisk: requires(["diskName", "diskURI"]),
  vsphereVolume: requires(["volumePath"]),
  photonPersistentDisk: requires(["pdID"]),
  portworxVolume: requires(["volumeID"]),
  scaleIO: requires(["gateway", "system", "volumeName"]),
  gcePersistentDisk: requires(["pdName"]),
  awsElasticBlockStore: requires(["volumeID"]),
};

function checkVolume(volume: Loose<Volume>, meta: Loose<ObjectMeta> | undefined, at: Faults): void {
  let found = 0;
  for (const source in volume) {
    if (source === "name") continue;
    found++;
    if (found > 1) {
      at.forbidden(source, "may not specify more than 1 volume type");
      continue;
    }
    at.enter(source);
    checks[source]?.(volume, at, meta !== undefined);
    at.leave();
  }
  if (found === 0) at.required("", "must specify a volume type");
  if (volume.ephemeral !== undefined && !isEmpty(meta?.name) && !isEmpty(volume.name)) {
    const claim = `${meta?.name ?? ""}-${volume.name ?? ""}`;
    for (const fault of dns1123SubdomainFaults(claim)) {
      at.invalid("name", volume.name, `PVC name ${JSON.stringify(claim)}: ${fault}`);
    }
  }
}

/** Sources of old: they are refused or never mounted, so only what must be there is checked. */
function requires(fields: readonly string[]): SourceCheck {
  return (volume, at) => {
    const source: unknown = Object.entries(volume).find(([key]) => key !== "name")?.[1];
    for (const field of fields) {
      const value = isJsonObject(source) ? source[field] : undefined;
      const isMissing = value === undefined || value === "";
      if (isMissing || (Array.isArray(value) && value.length === 0)) at.required(field);
    }
  };
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function checkHostPath(volume: Loose<Volume>, at: Faults): void {
  const path = volume.hostPath?.path ?? "";
  if (path === "") {
    at.required("path");
    return;
  }
  checkNoBacksteps("path", path, at);
  at.optionalOneOf("type", volume.hostPath?.type, hostPathTypes);
}

function checkItems(items: readonly Parameters<typeof checkItem>[0][], at: Faults): void {
  for (const [i, it] of items.entries()) {
    at.enter("items", i);
    checkItem(it, at);
    at.leave();
  }
}
