import {
  exportedStepsType,
  type ExportedStep,
  type ExportedSteps,
} from "#build/cache/exported-steps.ts";
import type { StepKey } from "#build/cache/key.ts";
import { assembleManifest, type BuiltImage, type ImageLayer } from "#build/image/assemble.ts";
import type { StepResult } from "./build-files.ts";
import { epochName, storeLayer } from "./layers.ts";
import { treeOf, type StageResult } from "./stack.ts";
import type { BuildWorld } from "./world.ts";

/** A step that a build has made or found. */
export interface MadeStep {
  /** The stage's index. */
  readonly stage: number;
  /** What the step was made upon. */
  readonly below: StageResult;
  readonly result: StepResult;
}

/**
 * What other machines need so as not to do steps again. Their layers are in the store then.
 * @param epoch SOURCE_DATE_EPOCH in seconds.
 */
export async function exportSteps(
  made: readonly MadeStep[],
  epoch: number | undefined,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<ExportedSteps> {
  const steps: Record<StepKey, ExportedStep> = {};
  const aliases: Record<StepKey, StepKey> = {};
  for (const { below, result } of made) {
    const { record, foundUnder } = result;
    const { key, title, sizeBytes, createdAt } = record;
    const current = world.cache.find(key, world.session) ?? record;
    const source = { record: current, below: () => treeOf(below.stack, world), epoch };
    const layer = await storeLayer(source, world, signal);
    steps[key] = { title, sizeBytes, createdAt, epoch: epochName(epoch), layer };
    if (foundUnder !== undefined && foundUnder !== key) aliases[foundUnder] = key;
  }
  return { version: 1, steps, aliases };
}

/** Exported steps as an OCI manifest, so that registries keep them. Its blobs are in the store. */
export async function storeSteps(
  exported: ExportedSteps,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<BuiltImage> {
  const bytes = Buffer.from(JSON.stringify(exported));
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes;
  }
  const blob = await world.store.writeBlob(content(), { lease: world.lease }, signal);
  const config = { digest: blob.digest, size: blob.sizeBytes };
  const unique = new Map(Object.values(exported.steps).map((it) => [it.layer.digest, it.layer]));
  const layers = [...unique.values()].map(({ mediaType, digest, size, diffId }): ImageLayer => {
    return { descriptor: { mediaType, digest, size }, diffId, createdAt: undefined };
  });
  const manifest = assembleManifest({ ...config, mediaType: exportedStepsType }, layers);
  return { config, layers, manifest: Buffer.from(JSON.stringify(manifest)) };
}
