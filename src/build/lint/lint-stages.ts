import { parseTrigger, type Dockerfile, type Stage } from "#build/dockerfile/dockerfile.ts";
import type { PlannedStage, StageSource } from "#build/engine/graph.ts";
import type { ImageConfig } from "#build/image/config.ts";
import type { IgnoreMatcher } from "#build/paths/ignore.ts";
import { evaluate } from "#build/stage/evaluate.ts";
import type { BuildSettings } from "#build/stage/evaluation.ts";
import { formatPlatform } from "#build/stage/platform.ts";
import {
  emptyState,
  stateOfImage,
  stateOfStage,
  type Platform,
  type StageState,
} from "#build/stage/state.ts";
import type { FindingBook } from "./book.ts";
import { lintInstruction, type StageLint } from "./lint-instruction.ts";

export interface StagesLintInput {
  readonly dockerfile: Dockerfile;
  readonly stages: readonly PlannedStage[];
  /** Indexes of the stages to look at, in the file's order; those they begin with among them. */
  readonly wanted: readonly number[];
  readonly settings: BuildSettings;
  readonly platform: Platform;
  /** Of base images, by the index of the stage; those that are not known are not there. */
  readonly images: ReadonlyMap<number, ImageConfig>;
  readonly ignore: IgnoreMatcher | undefined;
}

interface LintedStage {
  readonly state: StageState;
  readonly knowsBase: boolean;
  readonly hasWorkdir: boolean;
}

/**
 * The rules about what instructions come to, stage by stage.
 * @throws {DockerfileError} as the build would.
 */
export function lintStages(input: StagesLintInput, book: FindingBook): void {
  const done = new Map<number, LintedStage>();
  for (const index of input.wanted) {
    const planned = input.stages[index];
    if (planned === undefined) continue;
    const image = input.images.get(index);
    if (image !== undefined) lintPlatform(planned, image, input.platform, book);
    const start = startOf(planned.base, input, { below: done, image });
    done.set(index, lintStage(planned.stage, start, input, book));
  }
}

function lintPlatform(
  { stage: { head }, platform, base }: PlannedStage,
  { os, architecture, variant }: ImageConfig,
  own: Platform,
  book: FindingBook,
): void {
  const expected = platform ?? own;
  if (os === expected.os && architecture === expected.architecture) return;
  const found = formatPlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
  const name = base.kind === "image" ? base.reference : head.base;
  const message = `Base image ${name} was pulled with platform "${found}", expected "${formatPlatform(expected)}" for current build`;
  book.add("InvalidBaseImagePlatform", head, message);
}

interface StageStart extends LintedStage {
  readonly triggers: readonly string[];
}

function startOf(
  base: StageSource,
  { platform }: StagesLintInput,
  known: {
    readonly below: ReadonlyMap<number, LintedStage>;
    readonly image: ImageConfig | undefined;
  },
): StageStart {
  const below = base.kind === "stage" ? known.below.get(base.index) : undefined;
  if (below !== undefined) {
    const triggers = below.state.config.OnBuild ?? [];
    return { ...below, state: stateOfStage(below.state), triggers };
  }
  const { image } = known;
  if (image !== undefined) {
    const triggers = image.config?.OnBuild ?? [];
    return { state: stateOfImage(image), knowsBase: true, hasWorkdir: false, triggers };
  }
  const knowsBase = base.kind === "scratch";
  return { state: emptyState(platform), knowsBase, hasWorkdir: false, triggers: [] };
}

function lintStage(
  { head, instructions }: Stage,
  start: StageStart,
  { settings, ignore }: StagesLintInput,
  book: FindingBook,
): LintedStage {
  const { knowsBase, hasWorkdir, triggers } = start;
  const stage: StageLint = { last: new Map(), hasWorkdir, knowsBase, ignore };
  const inherited = triggers.map((it) => parseTrigger(it, settings.escape, head.lines));
  let { state } = start;
  for (const instruction of [...inherited, ...instructions]) {
    const evaluated = evaluate(instruction, state, settings);
    lintInstruction({ instruction, state, settings, unset: evaluated.unset }, stage, book);
    state = evaluated.state;
  }
  return { state, knowsBase, hasWorkdir: stage.hasWorkdir };
}
