import { Readable } from "node:stream";
import type { Pod } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { assembleManifest } from "#build/image/assemble.ts";
import type { Session } from "#cli/connection.ts";
import { committedBy, committedConfig } from "#containers/commit.ts";
import { nameOf } from "#containers/find.ts";
import { isPaused } from "#containers/labels.ts";
import { imageOf } from "#containers/facts.ts";
import { changesLayer } from "#containers/run/changes.ts";
import { pauseContainer, unpauseContainer } from "#containers/run/pause.ts";
import { containerStateOf } from "#containers/state.ts";
import type { Lease } from "#images/store/image-store.ts";
import { findImage, storedName, type ImageWorld } from "#images/verbs/find-image.ts";
import { viewImage, type ImageView } from "#images/verbs/image-view.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { parseReference } from "#oci/reference.ts";
import { applyChanges } from "#main/build/image-changes.ts";
import { writeLayer, type WrittenLayer } from "#main/images/layer.ts";
import { withImages } from "#main/images/verbs.ts";
import type { Where } from "#main/command-line/options.ts";

export interface CommitOptions extends Where {
  readonly author?: string;
  readonly message?: string;
  /** Instructions of a Dockerfile. */
  readonly change: readonly string[];
  readonly pause: boolean;
}

/** A large container's layer takes its time to come. */
const leaseMs = 3_600_000;

/**
 * `gantry commit`: the image of a container and what it has changed, as a new image of the image
 * store, whose id is printed. @throws {Error} when its image is not in the store.
 */
export async function commitContainer(
  session: Session,
  pod: Pod,
  name: string | undefined,
  options: CommitOptions,
): Promise<void> {
  if (options.change.length > 0 && name === undefined) {
    throw new Error("commit --change needs a name for the image: gantry commit -c … NAME IMAGE");
  }
  const pauses = options.pause && containerStateOf(pod).kind === "running" && !isPaused(pod);
  if (pauses) await pauseContainer(session, pod);
  const id = await withImages(options, async (world, signal) => {
    const base = await baseOf(world, pod);
    await using lease = await world.store.openLease("commit", leaseMs);
    const layer = await writeLayer(world, await changesLayer(session, pod), lease, signal);
    return await writeImage(world, { pod, base, layer, name, options }, lease);
  }).finally(async () => {
    if (!pauses) return;
    const at = { metadata: { ...pod.metadata, annotations: paused } };
    await unpauseContainer(session, { ...pod, ...at });
  });
  if (options.change.length === 0 || name === undefined) {
    session.io.out(`${id}\n`);
    return;
  }
  await applyChanges(name, options);
}

const paused = { "gantry.dev/paused": "true" };

async function baseOf(world: ImageWorld, pod: Pod): Promise<ImageView> {
  const image = imageOf(pod);
  const found = await findImage(world, image).catch(() => undefined);
  const view = found && (await viewImage(world.store, found, world.platform));
  if (view !== undefined) return view;
  throw new Error(
    `commit ${nameOf(pod)}: its image ${image} is not in the image store: bring it with 'gantry pull ${image}'`,
  );
}

async function writeImage(
  world: ImageWorld,
  of: {
    readonly pod: Pod;
    readonly base: ImageView;
    readonly layer: WrittenLayer;
    readonly name: string | undefined;
    readonly options: CommitOptions;
  },
  lease: Lease,
): Promise<string> {
  const { store } = world;
  const { pod, base, layer, name, options } = of;
  const created = new Date(systemClock.now()).toISOString();
  const { author, message } = options;
  const { rootfs, history = [] } = base.config;
  const entry = { created, created_by: committedBy(pod), author, comment: message };
  const config = {
    ...base.config,
    created,
    ...(author === undefined ? {} : { author }),
    config: committedConfig(base.config.config ?? {}, pod),
    rootfs: { type: "layers", diff_ids: [...(rootfs?.diff_ids ?? []), layer.diffId] },
    history: [...history, entry],
  };
  const bytes = Buffer.from(JSON.stringify(config));
  const signal = new AbortController().signal;
  const written = await store.writeBlob(Readable.from([bytes]), { lease }, signal);
  const layers = [
    ...base.layers.map((descriptor) => ({ descriptor, diffId: "", createdAt: undefined })),
    {
      descriptor: { mediaType: mediaTypes.layerGzip, digest: layer.digest, size: layer.size },
      diffId: layer.diffId,
      createdAt: undefined,
    },
  ];
  const manifest = assembleManifest({ digest: written.digest, size: written.sizeBytes }, layers);
  const reference = name === undefined ? undefined : parseReference(name);
  await store.putManifest({
    repository: reference === undefined ? "none" : storedName(world, reference),
    bytes: Buffer.from(JSON.stringify(manifest)),
    tags: reference === undefined ? [] : [reference.tag ?? "latest"],
  });
  return written.digest;
}
