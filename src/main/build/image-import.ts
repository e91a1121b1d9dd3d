import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { systemClock } from "#base/clock.ts";
import { assembleManifest } from "#build/image/assemble.ts";
import { storedName, type ImageWorld } from "#images/verbs/find-image.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { parseReference } from "#oci/reference.ts";
import { applyChanges } from "./image-changes.ts";
import { writeLayer } from "#main/images/layer.ts";
import { parsePlatform, printLine, unzipped, withImages } from "#main/images/verbs.ts";
import type { Where } from "#main/command-line/options.ts";

export interface ImportOptions extends Where {
  /** Instructions of a Dockerfile. */
  readonly change: readonly string[];
  readonly message: string | undefined;
  /** Undefined: this machine's. */
  readonly platform: string | undefined;
}

/** A large tar takes its time to come. */
const leaseMs = 3_600_000;
/** As docker import says it. */
const defaultMessage = "Imported from";

/**
 * `gantry import`: a tar of files, perhaps gzipped, as an image of one layer, whose id is printed.
 * @param source a file, or `-` for the standard input. @throws {Error}
 */
export async function importImage(
  source: string,
  name: string | undefined,
  options: ImportOptions,
): Promise<void> {
  if (/^https?:/.test(source)) {
    throw new Error(
      `import ${source}: URLs are not fetched; pipe it: curl ${source} | gantry import -`,
    );
  }
  if (options.change.length > 0 && name === undefined) {
    throw new Error("import --change needs a name for the image: gantry import -c … FILE IMAGE");
  }
  const from = source === "-" ? process.stdin : createReadStream(source);
  const id = await withImages(options, async (world, signal) => {
    await using lease = await world.store.openLease("import", leaseMs);
    const layer = await writeLayer(world, unzipped(from), lease, signal);
    const created = new Date(systemClock.now()).toISOString();
    const comment = options.message ?? `${defaultMessage} ${source}`;
    const config = {
      created,
      ...(options.platform === undefined ? world.platform : parsePlatform(options.platform)),
      config: {},
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
      history: [{ created, comment }],
    };
    const bytes = Readable.from([Buffer.from(JSON.stringify(config))]);
    const written = await world.store.writeBlob(bytes, { lease }, signal);
    const descriptor = { mediaType: mediaTypes.layerGzip, digest: layer.digest, size: layer.size };
    const manifest = assembleManifest({ digest: written.digest, size: written.sizeBytes }, [
      { descriptor, diffId: layer.diffId, createdAt: undefined },
    ]);
    await putManifest(world, manifest, name);
    return written.digest;
  });
  if (name === undefined || options.change.length === 0) printLine(id);
  else await applyChanges(name, options);
}

async function putManifest(
  world: ImageWorld,
  manifest: object,
  name: string | undefined,
): Promise<void> {
  const reference = name === undefined ? undefined : parseReference(name);
  await world.store.putManifest({
    repository: reference === undefined ? "none" : storedName(world, reference),
    bytes: Buffer.from(JSON.stringify(manifest)),
    tags: reference === undefined ? [] : [reference.tag ?? "latest"],
  });
}
