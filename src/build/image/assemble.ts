import type { StageState } from "#build/stage/state.ts";
import type { Descriptor } from "#oci/manifest.ts";
import { mediaTypes } from "#oci/media-types.ts";
import type { HistoryEntry, ImageConfig, RunConfig } from "./config.ts";

/** A layer of an image, and when it was made. */
export interface ImageLayer {
  readonly descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">;
  readonly diffId: string;
  /** Milliseconds since the epoch; undefined for a base image's. */
  readonly createdAt: number | undefined;
}

export interface AssembleOptions {
  readonly labels: ReadonlyMap<string, string>;
  /** Milliseconds since the epoch: when everything is said to be made. */
  readonly epochMs: number | undefined;
  /** For an image without any layer of its own. */
  readonly nowMs: number;
}

/**
 * The configuration of an image as Docker writes it. It depends on nothing but the layers and what
 * the stage says: a build of which all is cached gives the same image.
 */
export function assembleConfig(
  state: StageState,
  layers: readonly ImageLayer[],
  options: AssembleOptions,
): ImageConfig {
  const history = datedHistory(state.history, layers, options);
  const created =
    history.findLast((it) => it.created !== undefined)?.created ??
    timestamp(options.epochMs ?? options.nowMs);
  return {
    created,
    ...(state.author === undefined ? {} : { author: state.author }),
    ...state.platform,
    config: cleanConfig(state.config, options.labels),
    rootfs: { type: "layers", diff_ids: layers.map((it) => it.diffId) },
    history,
  };
}

/** Entries that are new get the time of their layer, or of the one before. */
function datedHistory(
  history: readonly HistoryEntry[],
  layers: readonly ImageLayer[],
  options: AssembleOptions,
): HistoryEntry[] {
  const own = layers.filter((it) => it.createdAt !== undefined);
  const left = own.map((it) => it.createdAt ?? 0);
  let last = left[0];
  // The last entries with layers are the stage's own.
  const layered = history.filter((it) => it.empty_layer !== true).length;
  let before = layered - own.length;
  return history.map((entry) => {
    const isLayer = entry.empty_layer !== true;
    if (isLayer && before > 0) before--;
    else if (isLayer) last = left.shift() ?? last;
    if (entry.created !== undefined) return entry;
    const at = options.epochMs ?? last ?? options.nowMs;
    return { created: timestamp(at), ...entry };
  });
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** Without what says nothing. */
function cleanConfig(config: RunConfig, labels: ReadonlyMap<string, string>): RunConfig {
  const Labels = { ...config.Labels, ...Object.fromEntries(labels) };
  const all = { ...config, ...(Object.keys(Labels).length === 0 ? {} : { Labels }) };
  const entries = Object.entries(all).filter(([, value]) => value !== null && value !== "");
  return Object.fromEntries(entries);
}

/** An image in the store that has no name yet. */
export interface BuiltImage {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly ImageLayer[];
  /** The bytes of its manifest. */
  readonly manifest: Buffer;
}

/** An OCI image manifest: image-spec `manifest.md`. */
export function assembleManifest(
  config: Pick<Descriptor, "digest" | "size"> & { readonly mediaType?: string },
  layers: readonly ImageLayer[],
  annotations: ReadonlyMap<string, string> = new Map(),
): object {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { ...config, mediaType: config.mediaType ?? mediaTypes.config },
    layers: layers.map(({ descriptor }) => ({
      mediaType: ociType(descriptor.mediaType),
      digest: descriptor.digest,
      size: descriptor.size,
    })),
    ...(annotations.size === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
  };
}

/** Docker's layers are the same bytes under another type. */
function ociType(mediaType: string): string {
  return mediaType === mediaTypes.dockerLayer ? mediaTypes.layerGzip : mediaType;
}
