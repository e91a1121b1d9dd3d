import { describeError } from "#base/log.ts";
import type { Platform } from "#build/stage/state.ts";
import { pullImage, pushImage } from "#images/client/transfer.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { familiarReference, type ImageReference } from "#oci/reference.ts";
import { remoteOf } from "#main/images/verbs.ts";

function ignore(): void {
  return undefined;
}

/** Brings a base image from its registry. @throws {Error} with a remedy where there is none. */
export async function pullBase(
  store: ImageStore,
  reference: ImageReference,
  platform: Platform,
  signal: AbortSignal,
): Promise<void> {
  try {
    using remote = await remoteOf(reference, true);
    await pullImage(store, { remote, reference }, { platform, onStep: ignore }, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const name = familiarReference(reference);
    throw new Error(
      `${name} is not in the image store, and cannot be pulled: ${describeError(cause)}. Where no registry can be reached, gantry image seed makes busybox and debian`,
      { cause },
    );
  }
}

/** Sends an image of the store to the registry of its name. @throws {Error} */
export async function pushBuilt(
  store: ImageStore,
  reference: ImageReference,
  repository: string,
  signal: AbortSignal,
): Promise<void> {
  const tag = reference.tag ?? "latest";
  const image = store.findManifest(repository, tag);
  if (image === undefined)
    throw new Error(`${familiarReference(reference)} is not in the image store`);
  using remote = await remoteOf(reference, true);
  const to = { remote, path: reference.path, reference: tag, image };
  await pushImage(store, to, { platform: undefined, onStep: ignore }, signal);
}
