import type { StepRecord } from "#build/cache/step-cache.ts";
import type { StepKey } from "#build/cache/key.ts";
import type { StageState } from "#build/stage/state.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import type { Descriptor } from "#oci/manifest.ts";
import { unpackBaseLayer } from "./layers.ts";
import type { BuildWorld } from "./world.ts";

/** One layer of a stage. */
export interface StackLayer {
  /** Its files; those of an image are unpacked when somebody asks. */
  readonly record: () => Promise<StepRecord>;
  /** The layer of an image that it is, which stays as it is; undefined for what a step has made. */
  readonly base: { readonly descriptor: Descriptor; readonly diffId: string } | undefined;
}

/** What a stage has come to. */
export interface StageResult {
  readonly state: StageState;
  /** What its files were made from. */
  readonly key: StepKey;
  /** The lowest first. */
  readonly stack: readonly StackLayer[];
}

export function stepLayer(record: StepRecord): StackLayer {
  return { record: () => Promise.resolve(record), base: undefined };
}

export function baseLayer(
  descriptor: Descriptor,
  diffId: string,
  world: BuildWorld,
  signal: AbortSignal,
): StackLayer {
  let record: Promise<StepRecord> | undefined;
  return {
    record: () => (record ??= unpackBaseLayer(descriptor, diffId, world, signal)),
    base: { descriptor, diffId },
  };
}

/** The records of a stack, the topmost first. */
export async function recordsOf(stack: readonly StackLayer[]): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  // One after the other: unpacking is bound by the disk.
  for (const layer of stack) records.unshift(await layer.record());
  return records;
}

/** The files of a stack; undefined when it has no layers. */
export async function treeOf(
  stack: readonly StackLayer[],
  world: BuildWorld,
): Promise<LayeredTree | undefined> {
  if (stack.length === 0) return undefined;
  const records = await recordsOf(stack);
  return new LayeredTree(records.map((it) => world.cache.treeLayer(it)));
}
