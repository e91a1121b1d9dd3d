import {
  familiarName,
  familiarReference,
  formatReference,
  repositoryOf,
  type ImageReference,
} from "#oci/reference.ts";
import { parseManifest } from "#oci/manifest.ts";
import type { RemoteRegistry } from "#images/client/remote.ts";
import { pullImage, pushImage, type TransferStep } from "#images/client/transfer.ts";
import { storedName, type ImageWorld } from "./find-image.ts";
import { shortDigest } from "#base/docker-format.ts";

const tagsMax = 100_000;

export interface TransferOutput {
  readonly line: (text: string) => void;
  readonly quiet: boolean;
}

/** `docker pull`, with what it prints where there is no terminal. */
export async function pull(
  world: ImageWorld,
  { remote, reference }: { readonly remote: RemoteRegistry; readonly reference: ImageReference },
  { line, quiet }: TransferOutput,
  signal: AbortSignal,
): Promise<void> {
  const repository = repositoryOf(reference);
  const say = quiet ? () => undefined : line;
  const wanted = reference.digest ?? reference.tag ?? "latest";
  const before = world.store.findManifest(repository, wanted)?.digest;
  say(`${wanted}: Pulling from ${reference.domain === "docker.io" ? reference.path : repository}`);
  const onStep = (step: TransferStep): void => {
    say(`${shortDigest(step.digest)}: ${pullWords[step.state]}`);
  };
  const { platform } = world;
  const pulled = await pullImage(world.store, { remote, reference }, { platform, onStep }, signal);
  const name = familiarReference(reference);
  say(`Digest: ${pulled.digest}`);
  say(
    before === pulled.digest
      ? `Status: Image is up to date for ${name}`
      : `Status: Downloaded newer image for ${name}`,
  );
  line(formatReference(reference));
}

/** `docker push`. A tag of the name, or all of them. @throws {Error} when there is no such image. */
export async function push(
  world: ImageWorld,
  to: {
    readonly remote: RemoteRegistry;
    readonly reference: ImageReference;
    readonly allTags: boolean;
  },
  { line, quiet }: TransferOutput,
  signal: AbortSignal,
): Promise<void> {
  const { remote, reference, allTags } = to;
  const { store } = world;
  const repository = storedName(world, reference);
  const say = quiet ? () => undefined : line;
  say(`The push refers to repository [${repositoryOf(reference)}]`);
  const tags = allTags
    ? store.listTags(repository, { limit: tagsMax }).map((it) => it.tag)
    : [reference.tag ?? "latest"];
  if (tags.length === 0) throw missing(reference);
  for (const tag of tags) {
    const image = store.findManifest(repository, tag);
    if (image === undefined) throw missing(reference);
    const onStep = (step: TransferStep): void => {
      say(`${shortDigest(step.digest)}: ${pushWords[step.state]}`);
    };
    const about = { remote, path: reference.path, reference: tag, image };
    await pushImage(store, about, { platform: undefined, onStep }, signal);
    const { sizeBytes, digest } = image;
    say(`${tag}: digest: ${digest} size: ${sizeBytes}`);
  }
  if (quiet) line(formatReference(reference));
}

/** To our own registry: the image gets that name there, and nothing is sent. */
export async function pushLocally(
  world: ImageWorld,
  reference: ImageReference,
  { line }: TransferOutput,
): Promise<void> {
  const repository = storedName(world, reference);
  const tag = reference.tag ?? "latest";
  const image = world.store.findManifest(repository, tag);
  if (image === undefined) throw missing(reference);
  const { layers } = parseManifest(await world.store.readManifest(image.digest), image.mediaType);
  line(`The push refers to repository [${repositoryOf(reference)}]`);
  for (const { digest } of layers) line(`${shortDigest(digest)}: Layer already exists`);
  line(`${tag}: digest: ${image.digest} size: ${image.sizeBytes}`);
}

const pullWords: Readonly<Record<TransferStep["state"], string>> = {
  present: "Already exists",
  begun: "Pulling fs layer",
  done: "Pull complete",
  mounted: "Pull complete",
};

const pushWords: Readonly<Record<TransferStep["state"], string>> = {
  present: "Layer already exists",
  begun: "Preparing",
  done: "Pushed",
  mounted: "Mounted",
};

function missing(reference: ImageReference): Error {
  const name = familiarName(repositoryOf(reference));
  return new Error(`An image does not exist locally with the tag: ${name}`);
}
