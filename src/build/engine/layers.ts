import { createHash } from "node:crypto";
import { readFiles, makeFiles } from "#build/archive/gnu-tar.ts";
import { gzip } from "#build/archive/compress.ts";
import { hashed } from "#build/archive/hashed.ts";
import { compressionOf, decompress } from "#build/archive/decompress.ts";
import { stepKey } from "#build/cache/key.ts";
import type { NewStep, StepRecord, StoredLayer } from "#build/cache/step-cache.ts";
import { packLayer } from "#build/layer/pack.ts";
import { unpackLayer, type UnpackedLayer } from "#build/layer/unpack.ts";
import { readTar } from "#build/tar/read.ts";
import { writeTar } from "#build/tar/write.ts";
import type { LayeredTree } from "#build/tree/layered.ts";
import type { Descriptor } from "#oci/manifest.ts";
import { mediaTypes } from "#oci/media-types.ts";
import type { BuildWorld } from "./world.ts";

/** Bytes of files that one layer may have: a small archive may unpack to very much. */
const layerBytesMax = 64 * 2 ** 30;

/** The files of an image's layer on disk; they are unpacked when they are not there yet. */
export async function unpackBaseLayer(
  descriptor: Descriptor,
  diffId: string,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StepRecord> {
  const key = stepKey("layer", diffId);
  const known = world.cache.find(key, world.session);
  if (known !== undefined) return known;
  const layer = { digest: descriptor.digest, diffId };
  return await unpackStep({ key, title: `layer ${descriptor.digest}` }, layer, world, signal);
}

/**
 * Unpacks a layer of the store as what a step has made.
 * @throws {Error} when it is not what its diffId says.
 */
export async function unpackStep(
  step: Omit<NewStep, "opaque" | "sizeBytes">,
  { digest, diffId }: Pick<StoredLayer, "digest" | "diffId">,
  world: Pick<BuildWorld, "cache" | "session" | "store">,
  signal: AbortSignal,
): Promise<StepRecord> {
  const { cache, session, store } = world;
  const blob = await store.readBlob(digest);
  if (blob === undefined)
    throw new Error(`the layer ${digest} is not in the store: pull the image again`);
  const directory = session.newDirectory("unpack");
  const hash = createHash("sha256");
  let layer: UnpackedLayer = { opaque: [], contentBytes: 0 };
  const archive = readTar(hashed(unpacked(blob, signal), hash));
  const entries = unpackLayer(archive, layerBytesMax, (it) => {
    layer = it;
  });
  await makeFiles(directory, writeTar(entries), signal);
  const found = `sha256:${hash.digest("hex")}`;
  if (found !== diffId) {
    throw new Error(`the layer ${digest} is damaged: it should be ${diffId}, and is ${found}`);
  }
  const { opaque, contentBytes } = layer;
  return cache.add({ ...step, opaque, sizeBytes: contentBytes }, directory, session);
}

/** The content of a blob, whatever compressed it. */
async function* unpacked(
  blob: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = blob[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const start = first.value;
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    yield start;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  yield* decompress(whole(), compressionOf(start), signal);
}

/** A step's files and what they were made upon. */
export interface LayerSource {
  readonly record: StepRecord;
  /** Asked for only when the layer has to be made; undefined for nothing. */
  readonly below: () => Promise<LayeredTree | undefined>;
  /** Seconds; no file is younger. */
  readonly epoch: number | undefined;
}

/** How a record names the layer that was made with an epoch. */
export function epochName(epoch: number | undefined): string {
  return epoch === undefined ? "none" : String(epoch);
}

/** A step's files as a layer in the store; made when it is not there yet. */
export async function storeLayer(
  { record, below, epoch }: LayerSource,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const { cache, lease, store } = world;
  const name = epochName(epoch);
  const known = record.layers[name];
  if (known !== undefined) {
    await lease.add([known.digest]);
    if ((await store.findBlob(known.digest)) !== undefined) return known;
  }
  const { directory } = cache.treeLayer(record);
  const hash = createHash("sha256");
  const entries = packLayer(readTar(readFiles({ directory }, signal)), await below(), epoch);
  const content = gzip(hashed(writeTar(entries), hash));
  const blob = await store.writeBlob(content, { lease }, signal);
  const layer: StoredLayer = {
    mediaType: mediaTypes.layerGzip,
    digest: blob.digest,
    size: blob.sizeBytes,
    diffId: `sha256:${hash.digest("hex")}`,
  };
  cache.addLayer(record.key, name, layer);
  return layer;
}
