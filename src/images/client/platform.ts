import type { Descriptor, Platform } from "#oci/manifest.ts";

/** How well an index's entry fits: the exact variant, then none, then a lower one. */
function rank(found: Platform | undefined, wanted: Platform): number {
  if (found?.os !== wanted.os || found.architecture !== wanted.architecture) return 0;
  if (found.variant === wanted.variant) return 3;
  return found.variant === undefined || wanted.variant === undefined ? 2 : 1;
}

/**
 * The entry of an index for a platform, as a list; empty for an image, which is taken as it is.
 * @throws {Error} naming the platform when the index has none for it.
 */
export function chooseManifest(
  manifests: readonly Descriptor[],
  wanted: Platform,
  kind: "image" | "index",
): readonly Descriptor[] {
  if (kind === "image") return [];
  const ranked = manifests
    .map((it) => ({ it, rank: rank(it.platform, wanted) }))
    .filter((it) => it.rank > 0)
    .toSorted((a, b) => b.rank - a.rank);
  const [best] = ranked;
  if (best !== undefined) return [best.it];
  // An index that says no platforms has nothing to choose by.
  const [only, ...others] = manifests;
  if (only !== undefined && others.length === 0 && only.platform === undefined) return [only];
  throw new Error(
    `no matching manifest for ${wanted.os}/${wanted.architecture} in the manifest list entries`,
  );
}
