import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { nodeLayout } from "#cri/containerd/layout.ts";
import { ContainerdRuntime } from "#cri/containerd/runtime.ts";
import type { RegistryMirror } from "#cri/containerd/config.ts";
import { writeRegistryMirrors } from "#cri/containerd/supervise.ts";
import { pauseImage, pauseImageName } from "#cri/images/pause.ts";
import { busyboxImage } from "#cri/images/seed.ts";
import { loadArchive } from "#images/archive/load.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { silentLogger, type Logger } from "#base/log.ts";
import { openGate } from "#registry/access.ts";
import type { Mirror } from "#registry/mirror/mirror.ts";
import { openRegistryServer, type RegistryServer } from "#registry/server.ts";
import type { Where } from "#main/command-line/options.ts";
import { openImages } from "./open-images.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";

/** Serves images to this machine's containerd and to nobody else: on loopback, for pulls only. */
export async function openNodeMirror(
  store: ImageStore,
  isOwnName: (host: string) => boolean,
  log: Logger,
  mirror?: Mirror,
): Promise<RegistryServer> {
  return await openRegistryServer({
    store,
    listeners: [{ host: "127.0.0.1", port: 0, gate: openGate(["pull"]), tls: undefined }],
    mirror,
    isOwnName,
    clock: systemClock,
    log,
  });
}

/** Whom a node's containerd asks for images before the registries in their names. */
export interface ImageSources {
  /** Of this machine's store. */
  readonly local?: RegistryServer | undefined;
  /** The registry of the control plane, which knows the node by its certificate. */
  readonly cluster?: { readonly url: string; readonly pkiDirectory: string } | undefined;
}

/** Makes the node's containerd ask them, in their order. Containerd reads this at each pull. */
export async function writeImageSources(
  nodeDirectory: string,
  { local, cluster }: ImageSources,
): Promise<void> {
  const mirrors: RegistryMirror[] = [];
  if (local !== undefined) mirrors.push({ url: `http://127.0.0.1:${local.ports[0] ?? 0}` });
  if (cluster !== undefined) {
    const { url, pkiDirectory } = cluster;
    const client = join(pkiDirectory, "kubelet-client");
    mirrors.push({
      url,
      ca: join(pkiDirectory, "ca.crt"),
      client: { certificate: `${client}.crt`, key: `${client}.key` },
    });
  }
  await writeRegistryMirrors(nodeLayout(nodeDirectory), mirrors);
}

/**
 * Makes `docker.io/library/busybox:latest` from the machine's busybox-static, for machines that
 * reach no registry: into the local store, from which pods pull it, and onto the node if it runs.
 * @throws {Error} naming the package when there is no static busybox.
 */
export async function seedImages(where: Where, signal: AbortSignal): Promise<readonly string[]> {
  const paths = pathsBelow(where.dataDir, runDirectoryOf(where.dataDir));
  await using store = await openImages(paths, silentLogger);
  const loaded = await loadArchive(store, busyboxImage(process.arch), signal);
  const names = loaded.map((it) => it.name ?? it.manifest.digest);
  const layout = nodeLayout(paths.node);
  // Without a containerd, pods will pull the image from the store when there is one.
  if (!existsSync(layout.socket)) return names;
  const runtime = new ContainerdRuntime({
    layout,
    clock: systemClock,
    pauseImage: { name: pauseImageName, archive: () => pauseImage(process.arch) },
  });
  try {
    await runtime.importImage(busyboxImage(process.arch), signal);
  } finally {
    runtime[Symbol.dispose]();
  }
  return names;
}
