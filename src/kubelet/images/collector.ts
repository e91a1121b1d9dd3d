import { statfs } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import { describeError, type Logger } from "#base/log.ts";
import type { ImageStatus, Runtime } from "#cri/runtime.ts";
import type { KubeletEvents } from "#kubelet/ports.ts";
import {
  imageCollectionMs,
  imagesInOrder,
  planImageRemoval,
  type ImageLimits,
  type ImageRecord,
} from "./plan.ts";

export interface ImageCollectorOptions {
  readonly runtime: Runtime;
  readonly limits: ImageLimits;
  /** On the disk of the images. */
  readonly directory: string;
  /** Names of images that stay: sandboxes need theirs. */
  readonly pinned: readonly string[];
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Removes images that nothing uses when the disk gets full, or when they are too old. */
export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #startedMs: number;
  readonly #seen = new Map<string, { readonly firstSeenMs: number; lastUsedMs: number }>();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
  }

  /** Looks until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#collectSafely(signal);
      await clock.sleep(imageCollectionMs, signal).catch(() => undefined); // Aborted: it ends.
    }
  }

  async #collectSafely(signal: AbortSignal): Promise<void> {
    try {
      await this.collect(signal);
    } catch (error) {
      if (signal.aborted) return;
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#options.log.error("images not collected", { error: cause });
    }
  }

  /** Looks once, and removes what the limits say. */
  async collect(signal: AbortSignal): Promise<void> {
    const { clock, limits, directory, events } = this.#options;
    const images = await this.#records(signal);
    const disk = await statfs(directory);
    const capacityBytes = disk.blocks * disk.bsize;
    const plan = planImageRemoval(
      images,
      { capacityBytes, availableBytes: disk.bavail * disk.bsize },
      limits,
      { nowMs: clock.now(), startedMs: this.#startedMs },
    );
    await this.#remove(plan.tooOld, Number.POSITIVE_INFINITY, signal);
    if (plan.freeBytes === 0) return;
    const freed = await this.#remove(plan.others, plan.freeBytes, signal);
    if (freed >= plan.freeBytes) return;
    const message =
      `Insufficient free disk space on the node's image filesystem. Failed to free sufficient ` +
      `space by deleting unused images (freed ${freed} of ${plan.freeBytes} bytes). Investigate disk ` +
      `usage, as it could be used by active images, logs, volumes, or other data.`;
    events.node({ type: "Warning", reason: "FreeDiskSpaceFailed", message });
  }

  /** Removes every image that nothing uses, whatever its age. */
  async removeUnused(signal: AbortSignal): Promise<void> {
    const images = imagesInOrder(await this.#records(signal));
    await this.#remove(images, Number.POSITIVE_INFINITY, signal);
  }

  async #records(signal: AbortSignal): Promise<readonly ImageRecord[]> {
    const { runtime, clock } = this.#options;
    const containers = await runtime.listContainers(signal);
    const used = new Set<string>();
    for (const { id, image } of containers) {
      used.add(image);
      // A container that has ended may be started again from its image.
      const status = await runtime.containerStatus(id, signal);
      if (status !== undefined) used.add(status.imageId);
    }
    const nowMs = clock.now();
    const images = await runtime.listImages(signal);
    for (const id of this.#seen.keys()) {
      if (!images.some((it) => it.id === id)) this.#seen.delete(id);
    }
    return images.map((image) => this.#record(image, used, nowMs));
  }

  #record(image: ImageStatus, used: ReadonlySet<string>, nowMs: number): ImageRecord {
    const { id, tags, digests, sizeBytes } = image;
    const names = [id, ...tags, ...digests];
    const isPinned = names.some((it) => this.#options.pinned.includes(it));
    const isInUse = isPinned || names.some((it) => used.has(it));
    const seen = this.#seen.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
    if (isInUse) seen.lastUsedMs = nowMs;
    this.#seen.set(id, seen);
    return { id, sizeBytes, ...seen, isInUse };
  }

  /** Bytes that were freed; an image that cannot be removed is passed over. */
  async #remove(
    images: readonly ImageRecord[],
    bytes: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { runtime, log } = this.#options;
    let freed = 0;
    for (const { id, sizeBytes } of images) {
      if (freed >= bytes) break;
      try {
        await runtime.removeImage(id, signal);
        freed += sizeBytes;
        log.info("image removed", { image: id, bytes: sizeBytes });
      } catch (error) {
        signal.throwIfAborted();
        log.info("image not removed", { image: id, reason: describeError(error) });
      }
    }
    return freed;
  }
}
