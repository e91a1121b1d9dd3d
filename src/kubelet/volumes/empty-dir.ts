import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import type { EmptyDirVolumeSource, Pod } from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";
import { podLimits } from "#kubelet/pod/resources.ts";
import type { Mounter } from "./mounts.ts";

export interface EmptyDirPlace {
  readonly path: string;
  readonly mounter: Mounter | undefined;
  readonly canChown: boolean;
  /** Memory that pods may have of this node; undefined: not known. */
  readonly nodeMemoryBytes: number | undefined;
}

/** Makes an emptyDir, in memory where that is asked for; leaves one that is there. */
export async function setUpEmptyDir(
  pod: Pod,
  { medium = "", sizeLimit }: EmptyDirVolumeSource,
  place: EmptyDirPlace,
  signal: AbortSignal,
): Promise<void> {
  const { path, mounter, canChown } = place;
  if (medium !== "" && medium !== "Memory") {
    throw new Error(`emptyDir on medium "${medium}" is not supported on this node`);
  }
  const isNew = !(await exists(path));
  if (isNew) await mkdir(path, { recursive: true });
  let isMounted = false;
  if (medium === "Memory" && mounter !== undefined) {
    if (!(await mounter.below(path)).includes(path)) {
      const size = memorySize(sizeLimit, podLimits(pod).memoryBytes, place.nodeMemoryBytes);
      await mounter.tmpfs(path, size, signal);
      // After a restart of the machine the directory is there and its content is not.
      isMounted = true;
    }
  }
  if (!isNew && !isMounted) return;
  const gid = pod.spec?.securityContext?.fsGroup;
  if (gid !== undefined && canChown) await chown(path, 0, gid);
  await chmod(path, gid === undefined ? 0o777 : 0o2777);
}

/**
 * The smallest of what the volume, the pod and the node may have; undefined when nothing is known.
 * Upstream: `pkg/volume/emptydir/empty_dir.go`, calculateEmptyDirMemorySize.
 */
export function memorySize(
  sizeLimit: string | undefined,
  podBytes: number | undefined,
  nodeBytes: number | undefined,
): number | undefined {
  const own = sizeLimit === undefined ? undefined : findQuantity(sizeLimit)?.value();
  const bounds = [own, podBytes, nodeBytes].filter((it) => it !== undefined && it > 0);
  return bounds.length === 0 ? undefined : Math.min(...bounds.filter((it) => it !== undefined));
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
