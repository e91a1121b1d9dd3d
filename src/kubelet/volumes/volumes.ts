import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pod, Volume } from "#api/gen/types.ts";
import { describeError } from "#base/log.ts";
import type { NodeFacts } from "#kubelet/pod/pod-fields.ts";
import type { ReferencedObjects, StorageObjects } from "#kubelet/ports.ts";
import { findQuantity } from "#api/quantity.ts";
import { writePayload } from "./atomic-writer.ts";
import { findClaimedVolume, type ClaimedVolume } from "./claims.ts";
import { setUpEmptyDir } from "./empty-dir.ts";
import { fillVolume, isUnfilled } from "./fill.ts";
import { checkHostPath } from "./host-path.ts";
import type { Mounter } from "./mounts.ts";
import type { ImageVolumes } from "./image-volumes.ts";
import { setOwnership } from "./ownership.ts";
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
  readonly storage: StorageObjects;
  readonly images: ImageVolumes;
  readonly tokens: Tokens;
  readonly facts: (pod: Pod) => NodeFacts;
  readonly uniqueName: () => string;
}

/** The volumes of pods, as directories on the node. */
export class Volumes {
  readonly #options: VolumesOptions;
  /** Volumes of claims that were found, by pod uid and name; all of it may be lost. */
  readonly #claimed = new Map<string, Map<string, ClaimedVolume>>();

  /** Volumes that are being filled, by their paths. */
  readonly #filling = new Map<string, Promise<void>>();

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

  /**
   * Where the volume's content is on the node; undefined for a volume that the pod has not, and
   * before {@link setUp} for one of a claim.
   */
  pathOf(pod: Pod, name: string): string | undefined {
    const volume = pod.spec?.volumes?.find((it) => it.name === name);
    if (volume === undefined) return undefined;
    const uid = pod.metadata?.uid ?? "";
    if (volume.hostPath !== undefined) return volume.hostPath.path;
    if (volume.image !== undefined) return this.#options.images.pathOf(uid, name);
    if (isClaimed(volume)) return this.#claimed.get(uid)?.get(name)?.path;
    const root = isSecret(volume)
      ? this.#options.secretDirectory(uid)
      : join(this.#options.podDirectory(uid), "volumes");
    return join(root, volume.name);
  }

  /** Whether no container may write it, whatever its mount says. */
  isReadOnly(pod: Pod, name: string): boolean {
    const volume = pod.spec?.volumes?.find((it) => it.name === name);
    if (volume === undefined) return false;
    const claimed = this.#claimed.get(pod.metadata?.uid ?? "")?.get(name);
    if (claimed !== undefined) return claimed.readOnly;
    const { configMap, secret, downwardAPI, projected, image } = volume;
    return [configMap, secret, downwardAPI, projected, image].some((it) => it !== undefined);
  }

  /** Shows an image that is on the node as the pod's volume, before a container mounts it. */
  async setUpImage(
    pod: Pod,
    image: { readonly volume: string; readonly imageId: string },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#options.images.setUp(pod.metadata?.uid ?? "", image, signal);
  }

  /**
   * Gives an empty volume what an image has at a path; one that has something is left as it is. A
   * volume that several pods begin with is filled once. After {@link setUp}.
   */
  async fill(
    pod: Pod,
    from: { readonly volume: string; readonly imageId: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<void> {
    const volume = pod.spec?.volumes?.find((it) => it.name === from.volume);
    const isOwn = volume !== undefined && (isClaimed(volume) || volume.emptyDir !== undefined);
    const target = this.pathOf(pod, from.volume);
    if (target === undefined || !isOwn) return;
    const other = this.#filling.get(target);
    if (other !== undefined) await other.catch(() => undefined);
    if (!(await isUnfilled(target))) return;
    const own = this.#fillFrom(pod, from, target, signal);
    this.#filling.set(target, own);
    try {
      await own;
    } finally {
      this.#filling.delete(target);
    }
  }

  async #fillFrom(
    pod: Pod,
    { volume, imageId, path }: { volume: string; imageId: string; path: string },
    target: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { images, mounter } = this.#options;
    const uid = pod.metadata?.uid ?? "";
    const view = `fill-${volume}`;
    await images.setUp(uid, { volume: view, imageId }, signal);
    const root = images.pathOf(uid, view);
    // Runtimes whose images have no files show nothing.
    if ((await mounter?.below(root))?.includes(root) !== true) return;
    await fillVolume({ root, path }, target, signal);
    await mounter?.unmount(root, signal);
  }

  /** Unmounts and removes what {@link setUp} made. Content of hostPath volumes and of claims' stays. */
  async tearDown(uid: string, signal: AbortSignal): Promise<void> {
    const { podDirectory, secretDirectory, mounter, tokens, images } = this.#options;
    for (const directory of [podDirectory(uid), secretDirectory(uid)]) {
      for (const path of (await mounter?.below(directory)) ?? []) {
        await mounter?.unmount(path, signal);
      }
    }
    await images.tearDown(uid, signal);
    await rm(join(podDirectory(uid), "volumes"), { recursive: true, force: true });
    await rm(join(podDirectory(uid), "volume-subpaths"), { recursive: true, force: true });
    await rm(secretDirectory(uid), { recursive: true, force: true });
    tokens.forget(uid);
    this.#claimed.delete(uid);
  }

  async #setUpOne(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const { objects, tokens, facts } = this.#options;
    if (isClaimed(volume)) {
      await this.#setUpClaimed(pod, volume, signal);
      return;
    }
    // Pulled and shown when the first container that mounts it starts.
    if (volume.image !== undefined) return;
    const path = this.pathOf(pod, volume.name) ?? "";
    if (volume.hostPath !== undefined) {
      await checkHostPath(path, volume.hostPath.type);
      return;
    }
    if (volume.emptyDir !== undefined) {
      const { mounter, canChown } = this.#options;
      const memory = findQuantity(facts(pod).allocatable["memory"] ?? "")?.value();
      const place = { path, mounter, canChown, nodeMemoryBytes: memory };
      await setUpEmptyDir(pod, volume.emptyDir, place, signal);
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

  /** Once for each pod: what was found stays, and its owners are set before the pod begins. */
  async #setUpClaimed(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const uid = pod.metadata?.uid ?? "";
    const known = this.#claimed.get(uid) ?? new Map<string, ClaimedVolume>();
    if (known.has(volume.name)) return;
    const found = await findClaimedVolume(pod, volume, this.#options.storage, signal);
    const { fsGroup: gid, fsGroupChangePolicy: policy } = pod.spec?.securityContext ?? {};
    if (gid !== undefined && found.takesGroup && this.#options.canChown) {
      await setOwnership(found.path, { gid, policy }, signal);
    }
    this.#claimed.set(uid, known.set(volume.name, found));
  }

  async #write(pod: Pod, path: string, payload: Payload): Promise<void> {
    const { canChown, uniqueName } = this.#options;
    const gid = pod.spec?.securityContext?.fsGroup;
    const grouped = gid === undefined ? payload : withGroup(payload);
    const owned = canChown ? grouped : withoutOwner(grouped);
    await writePayload(path, owned, { gid: canChown ? gid : undefined, uniqueName });
  }
}

function isClaimed(volume: Volume): boolean {
  return volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined;
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
