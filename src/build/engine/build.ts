import { inlineField, type ExportedSteps } from "#build/cache/exported-steps.ts";
import type { StepRecord, StoredLayer } from "#build/cache/step-cache.ts";
import type { CopySource } from "#build/copy/select.ts";
import { parseDockerfile, type Dockerfile } from "#build/dockerfile/dockerfile.ts";
import {
  assembleConfig,
  assembleManifest,
  type ImageLayer,
  type BuiltImage,
} from "#build/image/assemble.ts";
import type { Platform } from "#build/stage/state.ts";
import { checkOptionsOf, findingText, violation } from "#build/lint/lint.ts";
import { globalArgs } from "./global-args.ts";
import type { MadeStep } from "./export-steps.ts";
import { planStages, type StageGraph } from "./graph.ts";
import { storeLayer } from "./layers.ts";
import { lintBuild } from "./lint-build.ts";
import type { NamedContexts } from "./named-contexts.ts";
import { Semaphore } from "./semaphore.ts";
import { treeOf, type StageResult } from "./stack.ts";
import { StageBuilder } from "./stage-builder.ts";
import type { BuildOptions, BuildWorld } from "./world.ts";

export interface BuildRequest {
  /** The Dockerfile's text. */
  readonly dockerfile: string;
  /** @throws {Error} when there is none. */
  readonly context: () => CopySource;
  /** Of --build-context. */
  readonly contexts: NamedContexts;
  readonly platform: Platform;
  /** Undefined for the last stage. */
  readonly target: string | undefined;
  readonly options: BuildOptions;
  /** Steps that run at a time. */
  readonly parallel: number;
  /** Whether layers are wanted, or just the files. */
  readonly layers: boolean;
}

export interface BuiltStages {
  readonly result: StageResult;
  /** The steps of all stages that were needed. */
  readonly made: readonly MadeStep[];
  /** Those whose layers the image has. */
  readonly own: readonly MadeStep[];
}

/**
 * Builds what a Dockerfile says. When one stage fails, the others are ended before this rejects.
 * @throws {DockerfileError}
 */
export async function buildStages(
  request: BuildRequest,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<BuiltStages> {
  const { platform, target, options } = request;
  const dockerfile = parseDockerfile(request.dockerfile);
  const args = globalArgs(dockerfile, options.buildArgs, platform, target);
  const graph = planStages(dockerfile, { globalArgs: args, platform }, target, request.contexts);
  const made: MadeStep[] = [];
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const layers = new EagerLayers(request, graph, world, stop);
  const builder = new StageBuilder(
    {
      dockerfile,
      graph,
      settings: { escape: dockerfile.escape, buildArgs: options.buildArgs, globalArgs: args },
      platform,
      options,
      context: request.context,
      contexts: request.contexts,
      slots: new Semaphore(request.parallel),
      onStep: (step) => {
        made.push(step);
        layers.start(step);
      },
    },
    world,
    stop,
  );
  const running: Promise<unknown>[] = [];
  try {
    const linting = lintAll(request, { dockerfile, builder }, world);
    running.push(linting);
    if (checkOptionsOf(dockerfile, options.buildArgs).error) await linting;
    running.push(...graph.needed.map((index) => builder.build(index)));
    await Promise.all(running);
    await layers.end();
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(running);
    await layers.end().catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
  const result = await builder.build(graph.target);
  return { result, made, own: made.filter((it) => layers.isOfImage(it)) };
}

/** Tells what could be done better in the Dockerfile. @throws {DockerfileError} when that is wanted. */
async function lintAll(
  { options, platform, target, context, contexts }: BuildRequest,
  { dockerfile, builder }: { readonly dockerfile: Dockerfile; readonly builder: StageBuilder },
  world: BuildWorld,
): Promise<void> {
  const { findings, failing } = await lintBuild({
    dockerfile,
    buildArgs: options.buildArgs,
    platform,
    target,
    contexts,
    context,
    allStages: false,
    imageOf: async (stage, reference) => await builder.imageConfig(stage, reference),
  });
  for (const finding of findings) world.progress.warn(findingText(finding));
  if (failing) throw violation(findings);
}

/** Makes layers of the image while later steps run. */
class EagerLayers {
  /** Those whose layers the image has. */
  readonly #stages = new Set<number>();
  readonly #running: Promise<StoredLayer>[] = [];
  readonly #request: BuildRequest;
  readonly #world: BuildWorld;
  readonly #signal: AbortSignal;

  constructor(request: BuildRequest, graph: StageGraph, world: BuildWorld, signal: AbortSignal) {
    this.#request = request;
    this.#world = world;
    this.#signal = signal;
    let index: number | undefined = graph.target;
    while (index !== undefined) {
      this.#stages.add(index);
      const base: StageGraph["stages"][number]["base"] | undefined = graph.stages[index]?.base;
      index = base?.kind === "stage" ? base.index : undefined;
    }
  }

  /** Begins to make the layer of a step, if it is one of the image. */
  start({ stage, below, result }: MadeStep): void {
    if (!this.#request.layers || !this.#stages.has(stage)) return;
    const layer = this.#store(below, result.record);
    // Told by `end`.
    layer.catch(() => undefined);
    this.#running.push(layer);
  }

  isOfImage({ stage }: MadeStep): boolean {
    return this.#stages.has(stage);
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #store(below: StageResult, record: StepRecord): Promise<StoredLayer> {
    const { epoch } = this.#request.options;
    const source = { record, below: () => treeOf(below.stack, this.#world), epoch };
    return await storeLayer(source, this.#world, this.#signal);
  }
}

/**
 * Makes an image of a stage: its layers and its configuration are in the store then.
 * @param inline what its configuration tells of its steps; undefined for nothing.
 */
export async function storeImage(
  result: StageResult,
  {
    options,
    inline,
  }: { readonly options: BuildOptions; readonly inline?: ExportedSteps | undefined },
  world: BuildWorld,
  signal: AbortSignal,
): Promise<BuiltImage> {
  const { epoch, labels } = options;
  const layers: ImageLayer[] = [];
  for (const [index, layer] of result.stack.entries()) {
    if (layer.base !== undefined) {
      const { descriptor, diffId } = layer.base;
      layers.push({ descriptor, diffId, createdAt: undefined });
      continue;
    }
    const record =
      world.cache.find((await layer.record()).key, world.session) ?? (await layer.record());
    const below = result.stack.slice(0, index);
    const source = { record, below: () => treeOf(below, world), epoch };
    const stored = await storeLayer(source, world, signal);
    const { mediaType, digest, size, diffId } = stored;
    layers.push({ descriptor: { mediaType, digest, size }, diffId, createdAt: record.createdAt });
  }
  const epochMs = epoch === undefined ? undefined : epoch * 1000;
  const config = assembleConfig(result.state, layers, {
    labels,
    epochMs,
    nowMs: world.clock.now(),
  });
  const told = inline === undefined ? config : { ...config, [inlineField]: inline };
  const bytes = Buffer.from(JSON.stringify(told));
  const blob = await world.store.writeBlob(once(bytes), { lease: world.lease }, signal);
  const stored = { digest: blob.digest, size: blob.sizeBytes };
  return {
    config: stored,
    layers,
    manifest: Buffer.from(JSON.stringify(assembleManifest(stored, layers, options.annotations))),
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
