import { mkdir } from "node:fs/promises";
import { makeFiles } from "#build/archive/gnu-tar.ts";
import type { BuiltImage } from "#build/image/assemble.ts";
import type { BuiltStages } from "#build/engine/build.ts";
import { exportSteps, storeSteps } from "#build/engine/export-steps.ts";
import type { StepSource } from "#build/engine/import-steps.ts";
import type { BuildWorld } from "#build/engine/world.ts";
import { ociEntries } from "#build/output/archive.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import { LayoutDirectory } from "#images/archive/layout-directory.ts";
import { pushImage } from "#images/client/transfer.ts";
import { parseReference } from "#oci/reference.ts";
import type { CacheFrom, CacheTo } from "./cache-options.ts";
import { remoteOf } from "#main/images/verbs.ts";

/** Where a cache lies in the store while it is pushed. */
const temporaryRepository = "localhost/build-cache";

/** What `--cache-from` names. Nothing is asked yet. @throws {Error} for a name that is none. */
export function stepSource(from: CacheFrom): StepSource {
  if (from.type === "local") {
    const layout = new LayoutDirectory(from.directory);
    return {
      name: from.directory,
      manifest: async () => await layout.manifest(await layout.find(from.wanted)),
      blob: (digest) => Promise.resolve(layout.blob(digest)),
    };
  }
  const reference = parseReference(from.reference);
  const { path, digest, tag = "latest" } = reference;
  return {
    name: from.reference,
    manifest: async (signal) => {
      using remote = await remoteOf(reference, true);
      return (await remote.getManifest(path, digest ?? tag, signal))?.bytes;
    },
    blob: async (wanted, signal) => {
      const remote = await remoteOf(reference, true);
      const content = await remote.getBlob(path, wanted, signal);
      content.once("close", () => {
        remote[Symbol.dispose]();
      });
      return content;
    },
  };
}

/** Writes what other machines need so as not to do this build's steps again: `--cache-to`. */
export async function writeCache(
  { type, destination, all }: CacheTo,
  built: BuiltStages,
  { world, epoch }: { readonly world: BuildWorld; readonly epoch: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const step = world.progress.step(`exporting cache to ${type} ${destination}`);
  try {
    const exported = await exportSteps(all ? built.made : built.own, epoch, world, signal);
    const image = await storeSteps(exported, world, signal);
    if (type === "local") await writeLocally(image, destination, world, signal);
    else await push(image, destination, world, signal);
    step.done();
  } catch (error) {
    step.fail(error);
    throw error;
  }
}

async function writeLocally(
  image: BuiltImage,
  directory: string,
  { store, lease }: BuildWorld,
  signal: AbortSignal,
): Promise<void> {
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield image.manifest;
  }
  const { digest } = await store.writeBlob(content(), { lease }, signal);
  const archive = { image, manifestDigest: digest, names: [], familiarNames: [] };
  await writeDirectory(ociEntries(archive, store), directory, signal);
}

/** Makes the files of an archive in a directory, which is made too. */
export async function writeDirectory(
  entries: AsyncIterable<WriteEntry>,
  destination: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(destination, { recursive: true });
  await makeFiles(destination, writeTar(entries), signal);
}

async function push(
  cache: BuiltImage,
  name: string,
  { store }: BuildWorld,
  signal: AbortSignal,
): Promise<void> {
  const reference = parseReference(name);
  const repository = temporaryRepository;
  const image = await store.putManifest({ repository, bytes: cache.manifest, tags: [] });
  try {
    using remote = await remoteOf(reference, true);
    const to = { remote, path: reference.path, reference: reference.tag ?? "latest", image };
    await pushImage(store, to, { platform: undefined, onStep: () => undefined }, signal);
  } finally {
    await store.deleteManifest(repository, image.digest);
  }
}
