/** Upstream's, of `pkg/kubelet/apis/config/v1beta1/defaults.go`. */
export const imageCollection = {
  /** Of the disk in use: from here on images go. */
  highPercent: 85,
  /** Down to here. */
  lowPercent: 80,
  /** A younger image may just have been pulled for somebody. */
  ageMinMs: 120_000,
  /** Images unused for longer go whatever the disk; 0: never. */
  ageMaxMs: 0,
} as const;
/** Between two looks at the images. */
export const imageCollectionMs = 300_000;

export interface ImageLimits {
  readonly highPercent: number;
  readonly lowPercent: number;
  readonly ageMinMs: number;
  readonly ageMaxMs: number;
}

export interface ImageRecord {
  readonly id: string;
  readonly sizeBytes: number;
  readonly firstSeenMs: number;
  /** 0: never since this agent began. */
  readonly lastUsedMs: number;
  readonly isInUse: boolean;
}

/** Images that may go, the one unused for longest first; of these the one that came first. */
export function imagesInOrder(images: readonly ImageRecord[]): readonly ImageRecord[] {
  return images
    .filter((it) => !it.isInUse)
    .sort(
      (left, right) => left.lastUsedMs - right.lastUsedMs || left.firstSeenMs - right.firstSeenMs,
    );
}

/**
 * The images to remove, in order. Removing may stop once `freeBytes` of them are gone; the first
 * `tooOld` go in any case. Upstream: `pkg/kubelet/images/image_gc_manager.go`.
 */
export function planImageRemoval(
  images: readonly ImageRecord[],
  disk: { readonly capacityBytes: number; readonly availableBytes: number },
  limits: ImageLimits,
  { nowMs, startedMs }: { readonly nowMs: number; readonly startedMs: number },
): {
  readonly freeBytes: number;
  readonly tooOld: readonly ImageRecord[];
  readonly others: readonly ImageRecord[];
} {
  const ordered = imagesInOrder(images);
  const { ageMaxMs, ageMinMs } = limits;
  // Before, nobody can tell how long an image has been unused.
  const knowsAge = ageMaxMs > 0 && nowMs - startedMs > ageMaxMs;
  const isTooOld = (it: ImageRecord): boolean =>
    knowsAge && nowMs - Math.max(it.lastUsedMs, it.firstSeenMs) > ageMaxMs;
  return {
    freeBytes: bytesToFree(disk, limits),
    tooOld: ordered.filter(isTooOld),
    others: ordered.filter((it) => !isTooOld(it) && nowMs - it.firstSeenMs >= ageMinMs),
  };
}

/** How much must go to be below the low mark; 0 while the high one is not reached. */
function bytesToFree(
  {
    capacityBytes,
    availableBytes,
  }: { readonly capacityBytes: number; readonly availableBytes: number },
  { highPercent, lowPercent }: ImageLimits,
): number {
  if (capacityBytes === 0) return 0;
  const usedPercent =
    100 - Math.floor((Math.min(availableBytes, capacityBytes) * 100) / capacityBytes);
  if (usedPercent < highPercent) return 0;
  return Math.max(Math.floor((capacityBytes * (100 - lowPercent)) / 100) - availableBytes, 0);
}
