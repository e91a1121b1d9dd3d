import type { Container, Volume, VolumeDevice, VolumeMount } from "#api/gen/types.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isEmpty } from "./defaults.ts";
import { checkDescending, hasBacksteps } from "./paths.ts";

/** The valid volumes of a pod by name. */
export type Volumes = ReadonlyMap<string, Loose<Volume>>;

export function checkMounts(container: Loose<Container>, volumes: Volumes, at: Faults): void {
  const mounts = container.volumeMounts;
  if (mounts === undefined) return;
  const devices = container.volumeDevices ?? [];
  for (const [i, it] of mounts.entries()) {
    at.enter("volumeMounts", i);
    checkMount(it, volumes, at);
    const path = it.mountPath ?? "";
    if (mounts.findIndex((other) => (other.mountPath ?? "") === path) < i) {
      at.invalid("mountPath", path, "must be unique");
    }
    if (devices.some((other) => other.name === it.name)) {
      at.invalid("name", it.name, "must not already exist in volumeDevices");
    }
    if (devices.some((other) => other.devicePath === path)) {
      at.invalid("mountPath", path, "must not already exist as a path in volumeDevices");
    }
    at.leave();
    checkMountOptions(it, container, at);
  }
}

function checkMount(mount: Loose<VolumeMount>, volumes: Volumes, at: Faults): void {
  const name = mount.name ?? "";
  if (name === "") at.required("name");
  if (!volumes.has(name)) at.notFound("name", name);
  if (isEmpty(mount.mountPath)) at.required("mountPath");
  if (!isEmpty(mount.subPathExpr) && !isEmpty(mount.subPath)) {
    at.invalid("subPathExpr", mount.subPathExpr, "subPathExpr and subPath are mutually exclusive");
  }
}

// Upstream reports these at the list, without the index.
function checkMountOptions(
  mount: Loose<VolumeMount>,
  container: Loose<Container>,
  at: Faults,
): void {
  at.enter("volumeMounts");
  if (mount.subPath !== undefined) checkDescending("subPath", mount.subPath, at);
  if (mount.subPathExpr !== undefined) checkDescending("subPathExpr", mount.subPathExpr, at);
  const propagation = mount.mountPropagation;
  if (propagation !== undefined) {
    const supported = ["Bidirectional", "HostToContainer", "None"];
    at.optionalOneOf("mountPropagation", propagation, supported);
    if (propagation === "Bidirectional" && container.securityContext?.privileged !== true) {
      const detail = "Bidirectional mount propagation is available only to privileged containers";
      at.forbidden("mountPropagation", detail);
    }
  }
  if (mount.recursiveReadOnly !== undefined) checkRecursiveReadOnly(mount, at);
  at.leave();
}

function checkRecursiveReadOnly(mount: Loose<VolumeMount>, at: Faults): void {
  const mode = mount.recursiveReadOnly;
  if (mode === "Disabled") return;
  if (mode !== "Enabled" && mode !== "IfPossible") {
    at.notSupported("recursiveReadOnly", mode, ["Disabled", "Enabled", "IfPossible"]);
    return;
  }
  if (mount.readOnly !== true) {
    at.forbidden("recursiveReadOnly", "may only be specified when readOnly is true");
  }
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== "None") {
    const detail = "may only be specified when mountPropagation is None or not specified";
    at.forbidden("recursiveReadOnly", detail);
  }
}

export function checkDevices(container: Loose<Container>, volumes: Volumes, at: Faults): void {
  const devices = container.volumeDevices;
  if (devices === undefined) return;
  const mounts = container.volumeMounts ?? [];
  for (const [i, it] of devices.entries()) {
    at.enter("volumeDevices", i);
    checkDevice(it, devices.slice(0, i), volumes, at);
    if (mounts.some((other) => other.name === it.name)) {
      at.invalid("name", it.name, "must not already exist in volumeMounts");
    }
    if (mounts.some((other) => other.mountPath === it.devicePath)) {
      at.invalid("devicePath", it.devicePath, "must not already exist as a path in volumeMounts");
    }
    at.leave();
  }
}

function checkDevice(
  device: Loose<VolumeDevice>,
  before: readonly Loose<VolumeDevice>[],
  volumes: Volumes,
  at: Faults,
): void {
  const name = device.name ?? "";
  const path = device.devicePath ?? "";
  const volume = volumes.get(name);
  if (name === "") at.required("name");
  if (before.some((it) => it.name === name)) at.invalid("name", name, "must be unique");
  if (volume === undefined) at.notFound("name", name);
  else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
    const detail =
      "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
    at.invalid("name", name, detail);
  }
  if (path === "") at.required("devicePath");
  if (before.some((it) => it.devicePath === path)) {
    at.invalid("devicePath", path, "must be unique");
  }
  if (hasBacksteps(path)) at.invalid("devicePath", path, "can not contain backsteps ('..')");
}
