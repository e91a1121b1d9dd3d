import { chmod, chown, lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pod, Volume } from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";
import { describeError } from "#base/log.ts";
import type { NodeFacts } from "#kubelet/pod/pod-fields.ts";
import type { ReferencedObjects } from "#kubelet/ports.ts";
import { writePayload } from "./atomic-writer.ts";
import { checkHostPath } from "./host-path.ts";
import type { Mounter } from "./mounts.ts";
import { withGroup, type Payload } from "./payload.ts";
import { volumePayload } from "./sources.ts";
import type { Tokens } from "./tokens.ts";

export interface VolumesOptions {
  /** Directory of one pod on this node. */
  readonly podDirectory: (uid: string) => string;
  /** Directory of one pod for secret data; in memory where the node allows it. */
  readonly secretDirectory: (uid: string) => string;
  /** Undefined where the agent may not mount: in-memory volumes are then plain directories. */
  readonly mounter: Mounter | undefined;
  /** False where the agent is not root: owners are then left as they are. */
  readonly canChown: boolean;
  readonly objects: ReferencedObjects;
  readonly tokens: Tokens;
  readonly facts: (pod: Pod) => NodeFacts;
  readonly uniqueName: () => string;
}

/** The volumes of pods, as directories on the node. */
export class Volumes {
  readonly #options: VolumesOptions;

  constructor(options: VolumesOptions) {
    this.#options = options;
  }

  /** Makes every volume of the pod, or brings it up to date. @throws {Error} naming the volume. */
  async setUp(pod: Pod, signal: AbortSignal): Promise<void> {
    const failures: string[] = [];
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        await this.#setUpOne(pod, volume, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        failures.push(
          `MountVolume.SetUp failed for volume "${volume.name}" : ${describeError(error)}`,
        );
      }
    }
    if (failures.length > 0) throw new Error(failures.join("; "));
  }

  /** Where the volume's content is on the node; undefined for a volume that the pod has not. */
  pathOf(pod: Pod, name: string): string | undefined {
    const volume = pod.spec?.volumes?.find((it) => it.name === name);
    if (volume === undefined) return undefined;
    const uid = pod.metadata?.uid ?? "";
    if (volume.hostPath !== undefined) return volume.hostPath.path;
    const root = isSecret(volume)
      ? this.#options.secretDirectory(uid)
      : join(this.#options.podDirectory(uid), "volumes");
    return join(root, volume.name);
  }

  /** Unmounts and removes what {@link setUp} made. Content of hostPath volumes stays. */
  async tearDown(uid: string, signal: AbortSignal): Promise<void> {
    const { podDirectory, secretDirectory, mounter, tokens } = this.#options;
    for (const directory of [podDirectory(uid), secretDirectory(uid)]) {
      for (const path of (await mounter?.below(directory)) ?? []) {
        await mounter?.unmount(path, signal);
      }
    }
    await rm(join(podDirectory(uid), "volumes"), { recursive: true, force: true });
    await rm(join(podDirectory(uid), "volume-subpaths"), { recursive: true, force: true });
    await rm(secretDirectory(uid), { recursive: true, force: true });
    tokens.forget(uid);
  }

  async #setUpOne(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const path = this.pathOf(pod, volume.name) ?? "";
    const { objects, tokens, facts } = this.#options;
    if (volume.hostPath !== undefined) {
      await checkHostPath(path, volume.hostPath.type);
      return;
    }
    if (volume.emptyDir !== undefined) {
      await this.#setUpEmptyDir(pod, volume.emptyDir, path, signal);
      return;
    }
    const ports = { objects, tokens, facts: facts(pod) };
    const payload = await volumePayload(pod, volume, ports, signal);
    if (payload === undefined) {
      const kind = Object.keys(volume).find((it) => it !== "name") ?? "without a source";
      throw new Error(`volumes of kind '${kind}' are not supported on this node`);
    }
    await mkdir(path, { recursive: true, mode: 0o755 });
    await this.#write(pod, path, payload);
  }

  async #write(pod: Pod, path: string, payload: Payload): Promise<void> {
    const { canChown, uniqueName } = this.#options;
    const gid = pod.spec?.securityContext?.fsGroup;
    const grouped = gid === undefined ? payload : withGroup(payload);
    const owned = canChown ? grouped : withoutOwner(grouped);
    await writePayload(path, owned, { gid: canChown ? gid : undefined, uniqueName });
  }

  async #setUpEmptyDir(
    pod: Pod,
    { medium, sizeLimit }: NonNullable<Volume["emptyDir"]>,
    path: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { mounter, canChown } = this.#options;
    const isNew = !(await exists(path));
    if (isNew) await mkdir(path, { recursive: true });
    if (medium === "Memory" && mounter !== undefined) {
      const isMounted = (await mounter.below(path)).includes(path);
      const size = sizeLimit === undefined ? undefined : findQuantity(sizeLimit)?.value();
      if (!isMounted) await mounter.tmpfs(path, size, signal);
    }
    if (!isNew) return;
    const gid = pod.spec?.securityContext?.fsGroup;
    if (gid !== undefined && canChown) await chown(path, 0, gid);
    await chmod(path, gid === undefined ? 0o777 : 0o2777);
  }
}

/** Kinds whose content is kept off the disk. */
function isSecret(volume: Volume): boolean {
  const sources = volume.projected?.sources ?? [];
  return (
    volume.secret !== undefined ||
    sources.some((it) => it.secret !== undefined || it.serviceAccountToken !== undefined)
  );
}

function withoutOwner(payload: Payload): Payload {
  return new Map([...payload].map(([path, { content, mode }]) => [path, { content, mode }]));
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}

/** Names below a directory; none when it does not exist. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}
