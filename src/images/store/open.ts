import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { BlobFiles } from "./blob-files.ts";
import { Catalog } from "./catalog.ts";
import { DiskImageStore } from "./disk-store.ts";
import type { ImageStore } from "./image-store.ts";

/** Opens the images in a directory, which is made when it is not there. Others may have it open. */
export async function openImageStore(
  directory: string,
  world: { readonly clock: Clock; readonly log: Logger },
): Promise<ImageStore> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = await BlobFiles.open(directory);
  return new DiskImageStore({ catalog: new Catalog(join(directory, "catalog")), files }, world);
}
