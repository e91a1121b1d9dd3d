import { systemClock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import type { Paths } from "./paths.ts";

/** The installation's images; other processes may have them open too. */
export async function openImages(paths: Paths, log: Logger): Promise<ImageStore> {
  return await openImageStore(paths.images, { clock: systemClock, log });
}
