import type { Pod } from "#api/gen/types.ts";
import { nameOf } from "#containers/find.ts";
import { UsageError } from "#containers/usage-error.ts";
import type { ContainerMount } from "./mounts.ts";

/**
 * What a container mounts, for another one: `--volumes-from NAME[:ro]`.
 * @throws {UsageError} for a volume without a name, which goes with its container.
 */
export function mountsOfPod(pod: Pod, mode: string | undefined): ContainerMount[] {
  if (mode !== undefined && mode !== "ro" && mode !== "rw") {
    throw new UsageError(`--volumes-from ${nameOf(pod)}:${mode}: expected ro or rw`);
  }
  const volumes = new Map((pod.spec?.volumes ?? []).map((it) => [it.name, it]));
  return (pod.spec?.containers[0]?.volumeMounts ?? []).flatMap((mount): ContainerMount[] => {
    const volume = volumes.get(mount.name);
    const common = {
      target: mount.mountPath,
      readOnly: mode === "ro" || mount.readOnly === true,
      subpath: mount.subPath,
    };
    const claim = volume?.persistentVolumeClaim?.claimName;
    if (claim !== undefined) return [{ ...common, type: "volume", source: claim, noCopy: true }];
    const path = volume?.hostPath?.path;
    if (path !== undefined) return [{ ...common, type: "bind", source: path, makes: false }];
    if (volume?.emptyDir?.medium === "Memory") return [];
    throw new UsageError(
      `--volumes-from ${nameOf(pod)}: its volume at ${mount.mountPath} has no name and goes with it; give it one with -v NAME:${mount.mountPath}`,
    );
  });
}
