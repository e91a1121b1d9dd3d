import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import type { Paths } from "#main/process/paths.ts";

/** How often what nothing needs is removed. */
const collectMs = 3_600_000;

/** The installation's images; other processes may have them open too. */
export async function openImages(paths: Paths, log: Logger): Promise<ImageStore> {
  return await openImageStore(paths.images, { clock: systemClock, log });
}

/** Removes what nothing needs, once an hour, until the signal aborts. */
export async function collectRegularly(
  store: ImageStore,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(collectMs, signal);
    try {
      const { blobs, manifests, freedBytes } = await store.collect({}, signal);
      if (blobs > 0) log.info("images collected", { blobs, manifests, freedBytes });
    } catch (error) {
      signal.throwIfAborted();
      log.error("images not collected", { error: error as Error });
    }
  }
}
