import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Runtime } from "#cri/runtime.ts";
import type { Mounter } from "./mounts.ts";
import { namesIn } from "./names-in.ts";

export interface ImageVolumesOptions {
  readonly podDirectory: (uid: string) => string;
  readonly runtime: Pick<Runtime, "viewImage" | "releaseImage">;
  readonly mounter: Mounter | undefined;
}

/**
 * Volumes that are images, mounted read-only. A directory for each is made first and goes last, so
 * that a crash in between leaves nothing that {@link tearDown} does not find.
 */
export class ImageVolumes {
  readonly #options: ImageVolumesOptions;

  constructor(options: ImageVolumesOptions) {
    this.#options = options;
  }

  pathOf(uid: string, volume: string): string {
    return join(this.#directory(uid), volume);
  }

  /** Shows the image's files at {@link pathOf}; leaves a volume that is there as it is. */
  async setUp(
    uid: string,
    { volume, imageId }: { readonly volume: string; readonly imageId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, mounter } = this.#options;
    const path = this.pathOf(uid, volume);
    await mkdir(path, { recursive: true, mode: 0o755 });
    if ((await mounter?.below(path))?.includes(path) === true) return;
    const mount = await runtime.viewImage(imageId, keyOf(uid, volume), signal);
    if (mount === undefined) return; // Images of this runtime have no files.
    if (mounter === undefined) throw new Error("image volumes need the right to mount");
    await mounter.readOnly(mount, path, signal);
  }

  /** Gives the images back. Nothing is mounted below the pod's directory any more. */
  async tearDown(uid: string, signal: AbortSignal): Promise<void> {
    const directory = this.#directory(uid);
    for (const volume of await namesIn(directory)) {
      await this.#options.runtime.releaseImage(keyOf(uid, volume), signal);
    }
    await rm(directory, { recursive: true, force: true });
  }

  #directory(uid: string): string {
    return join(this.#options.podDirectory(uid), "images");
  }
}

function keyOf(uid: string, volume: string): string {
  return `gantry-volume-${uid}-${volume}`;
}
