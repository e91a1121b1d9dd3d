import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { findCredentials } from "#images/client/docker-config.ts";
import { RemoteRegistry } from "#images/client/remote.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import type { Mirror } from "#registry/mirror/mirror.ts";
import { MirroredTags } from "#registry/mirror/mirrored-tags.ts";
import { Mirrors } from "#registry/mirror/mirrors.ts";
import { PullThrough } from "#registry/mirror/pull-through.ts";
import { readDockerConfig } from "./docker-config-file.ts";
import type { MirroredRegistry } from "#main/command-line/mirror-options.ts";
import type { Paths } from "#main/process/paths.ts";

/** What mirrors work with. */
export interface MirrorWorld {
  readonly paths: Paths;
  readonly store: ImageStore;
  readonly log: Logger;
}

/**
 * Mirrors of other registries, into the installation's store; undefined when none is wanted. Images
 * that were built, loaded or pushed here go before theirs. Credentials are those of Docker's file.
 */
export async function openMirrors(
  mirrored: readonly MirroredRegistry[],
  { paths, store, log }: MirrorWorld,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Mirror | undefined> {
  if (mirrored.length === 0) return undefined;
  const tags = await MirroredTags.open(join(paths.data, "registry", "mirrored-tags"));
  const config = await readDockerConfig();
  const byDomain = new Map<string, Mirror>();
  for (const { domain, source, isInsecure } of mirrored) {
    const credentials = await findCredentials(config, source);
    const remote = new RemoteRegistry({ domain: source, credentials, ca: undefined, isInsecure });
    stack.use(remote);
    const clock = systemClock;
    byDomain.set(domain, new PullThrough({ store, remote, domain, tags, clock, log, signal }));
  }
  return new Mirrors(byDomain);
}
