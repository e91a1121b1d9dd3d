import { chmod, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Container, Pod, VolumeMount } from "#api/gen/types.ts";
import type { ContainerStatus, Mount } from "#cri/runtime.ts";
import type { PodContainer } from "#kubelet/pod/containers.ts";
import type { NodeView } from "#kubelet/pod/context.ts";
import { expandStrictly } from "#kubelet/pod/expansion.ts";
import { podHostname } from "#kubelet/pod/sandbox-config.ts";
import type { ContainerFiles, ContainerPlace, PodHost } from "#kubelet/ports.ts";
import type { Mounter } from "#kubelet/volumes/mounts.ts";
import { checkedPath } from "#kubelet/volumes/payload.ts";
import { descriptorPath, isDirectory, openSubPath } from "#kubelet/volumes/subpath.ts";
import { namesIn } from "#kubelet/volumes/names-in.ts";
import type { Volumes } from "#kubelet/volumes/volumes.ts";
import { hostsFile } from "./hosts-file.ts";
import { readTerminationMessage } from "./termination-message.ts";

/** Control groups of pods. */
export interface PodCgroups {
  /** Makes the pod's group with its limits; one that is there is left as it is. */
  ensure(pod: Pod): Promise<void>;
  /** See `PodHost.resize`. */
  resize(pod: Pod, step: "grow" | "settle"): Promise<void>;
  parentOf(pod: Pod): string;
  /** Success when there is none. */
  remove(pod: Pod): Promise<void>;
  /** Removes the groups of pods whose uid is not known. */
  sweep(isKnown: (uid: string) => boolean): Promise<void>;
}

export interface DiskHostOptions {
  readonly podDirectory: (uid: string) => string;
  readonly logDirectory: string;
  readonly volumes: Volumes;
  readonly mounter: Mounter | undefined;
  /** Undefined: the runtime's default group. */
  readonly cgroups: PodCgroups | undefined;
  readonly node: () => NodeView;
}

const hostsPath = "/etc/hosts";
const defaultMessagePath = "/dev/termination-log";

/** Pods' directories, volumes and control groups on a real node. */
export class DiskHost implements PodHost {
  readonly #options: DiskHostOptions;
  /** The last work under way on each pod's directory: two never write it at once. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: DiskHostOptions) {
    this.#options = options;
  }

  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    const { podDirectory, volumes, cgroups } = this.#options;
    await this.#inTurn(pod, async () => {
      signal.throwIfAborted();
      await mkdir(podDirectory(uidOf(pod)), { recursive: true, mode: 0o750 });
      await mkdir(this.logDirectory(pod), { recursive: true, mode: 0o755 });
      await cgroups?.ensure(pod);
      await volumes.setUp(pod, signal);
    });
  }

  async resize(pod: Pod, step: "grow" | "settle"): Promise<void> {
    await this.#options.cgroups?.resize(pod, step);
  }

  async showImage(
    pod: Pod,
    image: { readonly volume: string; readonly imageId: string },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#inTurn(pod, async () => {
      await this.#options.volumes.setUpImage(pod, image, signal);
    });
  }

  async fillVolume(
    pod: Pod,
    from: { readonly volume: string; readonly imageId: string; readonly path: string },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#inTurn(pod, async () => {
      await this.#options.volumes.fill(pod, from, signal);
    });
  }

  cgroupParent(pod: Pod): string {
    return this.#options.cgroups?.parentOf(pod) ?? "";
  }

  /** Where the pod's volume is; undefined when it has none of that name. */
  volumePath(pod: Pod, name: string): string | undefined {
    return this.#options.volumes.pathOf(pod, name);
  }

  logDirectory(pod: Pod): string {
    const { namespace = "", name = "" } = pod.metadata ?? {};
    return join(this.#options.logDirectory, `${namespace}_${name}_${uidOf(pod)}`);
  }

  async containerFiles(
    pod: Pod,
    container: PodContainer,
    place: ContainerPlace,
    signal: AbortSignal,
  ): Promise<ContainerFiles> {
    const { spec } = container;
    await mkdir(join(this.logDirectory(pod), spec.name), { recursive: true, mode: 0o755 });
    const mounts: Mount[] = [];
    for (const [index, mount] of (spec.volumeMounts ?? []).entries()) {
      mounts.push(await this.#volumeMount(pod, spec, { mount, index, place }, signal));
    }
    if (!mounts.some((it) => it.containerPath === hostsPath)) {
      mounts.push(plainMount(hostsPath, await this.#writeHosts(pod, place.podIps)));
    }
    const messageFile = await this.#makeMessageFile(pod, spec, place.attempt);
    mounts.push(plainMount(spec.terminationMessagePath ?? defaultMessagePath, messageFile));
    return { mounts, messageFile };
  }

  async terminationMessage(status: ContainerStatus): Promise<string> {
    return await readTerminationMessage(status);
  }

  async tearDown(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#inTurn(pod, async () => {
      await this.#options.volumes.tearDown(uidOf(pod), signal);
      await this.#options.cgroups?.remove(pod);
    });
  }

  async forget(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#options.volumes.tearDown(uidOf(pod), signal);
    await rm(this.#options.podDirectory(uidOf(pod)), { recursive: true, force: true });
    await rm(this.logDirectory(pod), { recursive: true, force: true });
  }

  /** Removes what pods left that nobody knows any more. `podsDirectory` holds one for each uid. */
  async sweep(
    podsDirectory: string,
    isKnown: (uid: string) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#options.cgroups?.sweep(isKnown);
    for (const uid of await namesIn(podsDirectory)) {
      if (isKnown(uid)) continue;
      await this.#options.volumes.tearDown(uid, signal);
      await rm(join(podsDirectory, uid), { recursive: true, force: true });
    }
  }

  async #inTurn(pod: Pod, work: () => Promise<void>): Promise<void> {
    const uid = uidOf(pod);
    const before = this.#turns.get(uid) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(uid, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(uid) === turn) this.#turns.delete(uid);
    }
  }

  async #volumeMount(
    pod: Pod,
    container: Container,
    wanted: {
      readonly mount: VolumeMount;
      readonly index: number;
      readonly place: ContainerPlace;
    },
    signal: AbortSignal,
  ): Promise<Mount> {
    const { mount, index, place } = wanted;
    const volumePath = this.#options.volumes.pathOf(pod, mount.name);
    if (volumePath === undefined) throw new Error(`volume "${mount.name}" is not in the pod`);
    if (mount.recursiveReadOnly === "Enabled") {
      // CRI knows it since containerd 2.0; saying so is safer than mounting less than was asked.
      throw new Error(
        `volume "${mount.name}" requested recursive read-only mode, but it is not supported by the runtime`,
      );
    }
    const subPath = subPathOf(mount, place);
    const hostPath =
      subPath === ""
        ? volumePath
        : await this.#subPathMount(
            pod,
            { volumePath, subPath, name: container.name, index },
            signal,
          );
    return {
      containerPath: mount.mountPath,
      hostPath,
      readonly: (mount.readOnly ?? false) || this.#options.volumes.isReadOnly(pod, mount.name),
      propagation: propagationOf(mount.mountPropagation),
    };
  }

  /** Binds the opened path itself, so that later changes of links lead nowhere else. */
  async #subPathMount(
    pod: Pod,
    wanted: {
      readonly volumePath: string;
      readonly subPath: string;
      readonly name: string;
      readonly index: number;
    },
    signal: AbortSignal,
  ): Promise<string> {
    const { podDirectory, mounter } = this.#options;
    const { volumePath, subPath, name, index } = wanted;
    const handle = await openSubPath(volumePath, subPath);
    try {
      if (mounter === undefined) return join(volumePath, checkedPath(subPath));
      const parent = join(podDirectory(uidOf(pod)), "volume-subpaths", name);
      const target = join(parent, String(index));
      await mkdir(parent, { recursive: true, mode: 0o750 });
      for (const stale of await mounter.below(target)) await mounter.unmount(stale, signal);
      if (await isDirectory(handle)) await mkdir(target, { recursive: true });
      else await (await open(target, "a", 0o640)).close();
      await mounter.bind(descriptorPath(handle), target, signal);
      return target;
    } finally {
      await handle.close();
    }
  }

  async #writeHosts(pod: Pod, podIps: readonly string[]): Promise<string> {
    const { node, podDirectory } = this.#options;
    const { dns, name } = node();
    const nodeHosts =
      pod.spec?.hostNetwork === true ? await readFile(hostsPath, "utf8").catch(() => "") : "";
    const hostname = podHostname(pod, { dns, nodeName: name });
    const place = { podIps, hostname, clusterDomain: dns.clusterDomain, nodeHosts };
    const path = join(podDirectory(uidOf(pod)), "etc-hosts");
    await writeFile(path, hostsFile(pod, place), { mode: 0o644 });
    return path;
  }

  /** Writable for whatever user the container runs as. */
  async #makeMessageFile(pod: Pod, container: Container, attempt: number): Promise<string> {
    const directory = join(this.#options.podDirectory(uidOf(pod)), "containers", container.name);
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const path = join(directory, `${attempt}.message`);
    await writeFile(path, "");
    await chmod(path, 0o666);
    return path;
  }
}

function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? "";
}

function plainMount(containerPath: string, hostPath: string): Mount {
  return { containerPath, hostPath, readonly: false, propagation: "private" };
}

/** @throws {Error} when an expression names a variable that is not set. */
function subPathOf(mount: VolumeMount, { env }: ContainerPlace): string {
  if (mount.subPathExpr === undefined || mount.subPathExpr === "") return mount.subPath ?? "";
  const expanded = expandStrictly(mount.subPathExpr, env);
  if (expanded === undefined) {
    throw new Error(`failed to expand subPathExpr "${mount.subPathExpr}": missing variables`);
  }
  return expanded;
}

function propagationOf(text: string | undefined): Mount["propagation"] {
  if (text === "Bidirectional") return "bidirectional";
  return text === "HostToContainer" ? "host-to-container" : "private";
}
