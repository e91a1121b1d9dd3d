import type { StepRecord, StoredLayer } from "#build/cache/step-cache.ts";
import type { CopySource } from "#build/copy/select.ts";
import { parseDockerfile, type Dockerfile } from "#build/dockerfile/dockerfile.ts";
import { assembleConfig, assembleManifest, type ImageLayer } from "#build/image/assemble.ts";
import type { Platform } from "#build/stage/state.ts";
import { checkOptionsOf, findingText, violation } from "#build/lint/lint.ts";
import { globalArgs } from "./global-args.ts";
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

/**
 * Builds what a Dockerfile says. When one stage fails, the others are ended before this rejects.
 * @throws {DockerfileError}
 */
export async function buildStages(
  request: BuildRequest,
  world: BuildWorld,
  signal: AbortSignal,
): Promise<StageResult> {
  const { platform, target, options } = request;
  const dockerfile = parseDockerfile(request.dockerfile);
  const args = globalArgs(dockerfile, options.buildArgs, platform, target);
  const graph = planStages(dockerfile, args, target, request.contexts);
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
      onLayer: (stage, below, record) => {
        layers.start(stage, below, record);
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
  return await builder.build(graph.target);
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
    while (index !== undefined && request.layers) {
      this.#stages.add(index);
      const base: StageGraph["stages"][number]["base"] | undefined = graph.stages[index]?.base;
      index = base?.kind === "stage" ? base.index : undefined;
    }
  }

  /** Begins to make the layer of a step, if it is one of the image. */
  start(stage: number, below: StageResult, record: StepRecord): void {
    if (!this.#stages.has(stage)) return;
    const layer = this.#store(below, record);
    // Told by `end`.
    layer.catch(() => undefined);
    this.#running.push(layer);
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

/** An image in the store that has no name yet. */
export interface BuiltImage {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly ImageLayer[];
  /** The bytes of its manifest. */
  readonly manifest: Buffer;
}

/** Makes an image of a stage: its layers and its configuration are in the store then. */
export async function storeImage(
  result: StageResult,
  options: BuildOptions,
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
  const bytes = Buffer.from(JSON.stringify(config));
  const blob = await world.store.writeBlob(once(bytes), { lease: world.lease }, signal);
  const stored = { digest: blob.digest, size: blob.sizeBytes };
  return {
    config: stored,
    layers,
    manifest: Buffer.from(JSON.stringify(assembleManifest(stored, layers))),
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
