import { stepKey } from "#build/cache/key.ts";
import type { CopySource } from "#build/copy/select.ts";
import { parseTrigger, type Dockerfile } from "#build/dockerfile/dockerfile.ts";
import type { StageHead } from "#build/dockerfile/instructions.ts";
import { DockerfileError, type Lines } from "#build/dockerfile/location.ts";
import type { ImageConfig } from "#build/image/config.ts";
import { evaluate } from "#build/stage/evaluate.ts";
import type { BuildSettings } from "#build/stage/evaluation.ts";
import { cleanPath } from "#build/paths/clean.ts";
import type { Operation, RunOperation } from "#build/stage/operations.ts";
import { formatPlatform } from "#build/stage/platform.ts";
import { emptyState, stateOfImage, stateOfStage, type Platform } from "#build/stage/state.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import { findBaseImage, type BaseImage } from "./base-image.ts";
import type { StepResult } from "./build-files.ts";
import { copyStep, directoryStep } from "./copy-step.ts";
import type { MadeStep } from "./export-steps.ts";
import { resolveFrom, type PlannedStage, type StageGraph, type StageSource } from "./graph.ts";
import type { NamedContexts } from "./named-contexts.ts";
import type { Semaphore } from "./semaphore.ts";
import type { StepProgress } from "./progress.ts";
import type { MountSource, SourcedMount } from "./run-mounts.ts";
import { findRun, runKey, runStep, type RunRequest } from "./run-step.ts";
import { baseLayer, recordsOf, stepLayer, treeOf, type StageResult } from "./stack.ts";
import type { BuildOptions, BuildWorld } from "./world.ts";

export interface StageBuilderInput {
  readonly dockerfile: Dockerfile;
  readonly graph: StageGraph;
  readonly settings: BuildSettings;
  readonly platform: Platform;
  readonly options: BuildOptions;
  /** @throws {Error} when the build has no context. */
  readonly context: () => CopySource;
  readonly contexts: NamedContexts;
  readonly slots: Semaphore;
  /** Hears of every step of every stage. */
  readonly onStep: (step: MadeStep) => void;
}

interface WantedImage {
  readonly reference: string;
  /** Undefined for that of the build. */
  readonly platform: Platform | undefined;
}

/** Builds the stages of one Dockerfile, each once, as soon as somebody needs it. */
export class StageBuilder {
  readonly #input: StageBuilderInput;
  readonly #world: BuildWorld;
  readonly #signal: AbortSignal;
  readonly #stages = new Map<number, Promise<StageResult>>();
  readonly #images = new Map<string, Promise<BaseImage>>();
  /** Commands that run now: two stages may begin alike. */
  readonly #running = new Map<string, Promise<StepResult>>();
  #emptyTree: LayeredTree | undefined;

  constructor(input: StageBuilderInput, world: BuildWorld, signal: AbortSignal) {
    this.#input = input;
    this.#world = world;
    this.#signal = signal;
  }

  /** @throws {DockerfileError} */
  async build(index: number): Promise<StageResult> {
    let stage = this.#stages.get(index);
    if (stage === undefined) {
      stage = this.#build(index);
      this.#stages.set(index, stage);
    }
    return await stage;
  }

  async #build(index: number): Promise<StageResult> {
    const planned = this.#input.graph.stages[index];
    if (planned === undefined) throw new Error(`there is no stage ${index}`);
    const { head, instructions } = planned.stage;
    const { result: start, triggers } = await this.#begin(planned);
    const inherited = triggers.map((it) =>
      parseTrigger(it, this.#input.settings.escape, head.lines),
    );
    let result = start;
    const title = planned.title === "" ? "" : `${planned.title} `;
    const all = [...inherited, ...instructions];
    const steps = all.filter(
      (it) => "destination" in it || it.kind === "run" || it.kind === "workdir",
    ).length;
    let step = 0;
    for (const instruction of all) {
      this.#signal.throwIfAborted();
      const { state, operation } = evaluate(instruction, result.state, this.#input.settings);
      if (operation === undefined) {
        result = { ...result, state };
        continue;
      }
      step++;
      const made = await this.#step(operation, result, {
        index,
        title: `[${title}${step}/${steps}]`,
      });
      const next: StageResult = {
        state,
        key: stepKey("chain", result.key, made.record.key),
        stack: [...result.stack, stepLayer(made.record)],
      };
      this.#input.onStep({ stage: index, below: result, result: made });
      result = next;
    }
    return result;
  }

  /** The configuration of a stage's base image, which is brought here. @throws {DockerfileError} */
  async imageConfig({ stage, platform }: PlannedStage, reference: string): Promise<ImageConfig> {
    return (await this.#image({ reference, platform }, stage.head)).config;
  }

  async #begin({ base, platform: wanted, stage: { head } }: PlannedStage): Promise<{
    readonly result: StageResult;
    readonly triggers: readonly string[];
  }> {
    const { platform } = this.#input;
    if (base.kind === "stage") {
      const result = await this.build(base.index);
      const triggers = result.state.config.OnBuild ?? [];
      return { result: { ...result, state: stateOfStage(result.state) }, triggers };
    }
    if (base.kind === "files") {
      const reason = `the context ${base.name} is a directory: FROM takes one of docker-image://`;
      throw new DockerfileError(head.lines, reason);
    }
    if (base.kind === "scratch") {
      const result = { state: emptyState(platform), key: stepKey("scratch"), stack: [] };
      return { result, triggers: [] };
    }
    const image = await this.#image({ reference: base.reference, platform: wanted }, head);
    return { result: this.#imageResult(image), triggers: image.config.config?.OnBuild ?? [] };
  }

  #imageResult(image: BaseImage): StageResult {
    const { diff_ids: diffIds } = image.config.rootfs;
    const stack = image.layers.map((layer, index) =>
      baseLayer(layer, diffIds[index] ?? "", this.#world, this.#signal),
    );
    return { state: stateOfImage(image.config), key: stepKey("image", diffIds), stack };
  }

  async #image(wanted: WantedImage, at: Pick<StageHead, "lines" | "text">): Promise<BaseImage> {
    const platform = wanted.platform ?? this.#input.platform;
    const key = `${wanted.reference} ${formatPlatform(platform)}`;
    let image = this.#images.get(key);
    if (image === undefined) {
      image = this.#findImage(wanted.reference, platform, at);
      this.#images.set(key, image);
    }
    return await image;
  }

  async #findImage(
    reference: string,
    platform: Platform,
    { lines, text }: Pick<StageHead, "lines" | "text">,
  ): Promise<BaseImage> {
    const { store, pull, repositoryOf, progress } = this.#world;
    const step = progress.step(text);
    try {
      const world = { store, pull, repositoryOf, refresh: this.#input.options.pull };
      const image = await findBaseImage(reference, platform, world, this.#signal);
      await this.#world.lease.add(image.layers.map((it) => it.digest));
      step.done();
      return image;
    } catch (error) {
      step.fail(error);
      throw this.#located(error, lines);
    }
  }

  async #source(
    source: Exclude<StageSource, { readonly kind: "files" }>,
    lines: Lines,
  ): Promise<StageResult> {
    if (source.kind === "stage") return await this.build(source.index);
    if (source.kind === "scratch") {
      return { state: emptyState(this.#input.platform), key: stepKey("scratch"), stack: [] };
    }
    const { reference } = source;
    const at = { lines, text: `FROM ${reference}` };
    return this.#imageResult(await this.#image({ reference, platform: undefined }, at));
  }

  async #step(
    operation: Operation,
    below: StageResult,
    at: { readonly index: number; readonly title: string },
  ): Promise<StepResult> {
    // Other stages are waited for before this step takes a slot, or none could be built.
    const prepared = await this.#prepare(operation, below, at.index);
    const release = await this.#input.slots.acquire(this.#signal);
    const progress = this.#world.progress.step(`${at.title} ${operation.title}`);
    try {
      const result = await prepared(progress);
      if (result.cached) progress.cached();
      else progress.done();
      return result;
    } catch (error) {
      progress.fail(error);
      throw this.#located(error, operation.lines);
    } finally {
      release();
    }
  }

  #located(error: unknown, lines: Lines): unknown {
    if (error instanceof DockerfileError || this.#signal.aborted) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new DockerfileError(lines, reason, { cause: error });
  }

  async #prepare(
    operation: Operation,
    below: StageResult,
    index: number,
  ): Promise<(progress: StepProgress) => Promise<StepResult>> {
    const world = this.#world;
    const { options } = this.#input;
    const request = {
      tree: () => treeOf(below.stack, world),
      parentKey: below.key,
      noCache: this.#noCache(index),
      epoch: options.epoch,
    };
    if (operation.kind === "directory") {
      return () => directoryStep(operation, request, world, this.#signal);
    }
    if (operation.kind === "run") return await this.#prepareRun(operation, below, index);
    if (operation.from === undefined) {
      return () => {
        const needsContext = operation.sources.some((it) => !it.includes("://"));
        const source = needsContext
          ? this.#input.context()
          : { tree: this.#empty(), ignore: undefined };
        const copy = { ...request, operation, source, sourceKey: undefined };
        return copyStep(copy, world, this.#signal);
      };
    }
    const from = this.#resolve(operation.from, index, operation.lines);
    if (from.kind === "files") {
      return () => {
        const copy = {
          ...request,
          operation,
          source: this.#files(from.name),
          sourceKey: undefined,
        };
        return copyStep(copy, world, this.#signal);
      };
    }
    const source = await this.#source(from, operation.lines);
    return async () => {
      const tree = (await treeOf(source.stack, world)) ?? this.#empty();
      const copy = {
        ...request,
        operation,
        source: { tree, ignore: undefined, name: operation.from ?? "" },
        sourceKey: source.key,
      };
      return await copyStep(copy, world, this.#signal);
    };
  }

  /** Whether all steps of a stage are run. */
  #noCache(index: number): boolean {
    const { dockerfile, options } = this.#input;
    const name = dockerfile.stages[index]?.head.name;
    return options.noCache || (name !== undefined && options.noCacheStages.has(name));
  }

  #empty(): LayeredTree {
    this.#emptyTree ??= new LayeredTree([
      { directory: this.#world.session.newDirectory("empty"), opaque: new Set() },
    ]);
    return this.#emptyTree;
  }

  async #prepareRun(
    operation: RunOperation,
    below: StageResult,
    index: number,
  ): Promise<(progress: StepProgress) => Promise<StepResult>> {
    const mounts: SourcedMount[] = [];
    for (const mount of operation.mounts) {
      mounts.push({ mount, source: await this.#mountSource(mount, operation, index) });
    }
    return async (progress) => {
      const request: RunRequest = {
        operation,
        mounts,
        records: () => recordsOf(below.stack),
        parentKey: below.key,
        options: { ...this.#input.options, noCache: this.#noCache(index) },
        progress,
      };
      const key = runKey(request);
      const known = await findRun(request, this.#world, this.#signal);
      if (known !== undefined) return { record: known, cached: true, foundUnder: key };
      let running = this.#running.get(key);
      if (running === undefined) {
        running = runStep(request, this.#world, this.#signal);
        this.#running.set(key, running);
      }
      return await running;
    };
  }

  async #mountSource(
    mount: RunOperation["mounts"][number],
    operation: RunOperation,
    index: number,
  ): Promise<MountSource | undefined> {
    const world = this.#world;
    if (mount.from === undefined) {
      if (mount.type !== "bind") return undefined;
      return await this.#filesSource(this.#input.context(), mount.source, operation);
    }
    const from = this.#resolve(mount.from, index, operation.lines);
    if (from.kind === "files") {
      return await this.#filesSource(this.#files(from.name), mount.source, operation);
    }
    const result = await this.#source(from, operation.lines);
    return {
      key: result.key,
      records: () => recordsOf(result.stack),
      tree: () => treeOf(result.stack, world),
    };
  }

  #resolve(from: string, index: number, lines: Lines): StageSource {
    const { dockerfile, contexts } = this.#input;
    return resolveFrom(from, { stages: dockerfile.stages, contexts }, index, lines);
  }

  /** Those of a named context. */
  #files(name: string): CopySource {
    const context = this.#input.contexts.get(name);
    if (context?.kind !== "files") throw new Error(`there is no context ${name}`);
    return context.files();
  }

  /** Files of a context for a mount: a copy, which .dockerignore has gone over. */
  async #filesSource(
    source: CopySource,
    path: string,
    operation: Pick<RunOperation, "lines" | "title">,
  ): Promise<MountSource> {
    const world = this.#world;
    const { record } = await copyStep(
      {
        operation: {
          ...copyDefaults,
          // Its path is kept, so that the files are where the mount says.
          parents: cleanPath(`/${path}`) !== "/",
          sources: [path === "" ? "." : path],
          lines: operation.lines,
          title: `context for ${operation.title}`,
        },
        source,
        sourceKey: undefined,
        tree: () => Promise.resolve(undefined),
        parentKey: stepKey("scratch"),
        noCache: this.#input.options.noCache,
        epoch: this.#input.options.epoch,
      },
      world,
      this.#signal,
    );
    return {
      key: record.key,
      records: () => Promise.resolve([record]),
      tree: () => Promise.resolve(new LayeredTree([world.cache.treeLayer(record)])),
    };
  }
}

const copyDefaults = {
  kind: "copy",
  isAdd: false,
  inline: [],
  destination: "/",
  from: undefined,
  chown: "",
  chmod: "",
  link: true,
  excludes: [],
  checksum: "",
  unpack: undefined,
  keepGitDir: false,
} as const;
