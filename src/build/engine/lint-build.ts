import type { CopySource } from "#build/copy/select.ts";
import type { Dockerfile } from "#build/dockerfile/dockerfile.ts";
import type { ImageConfig } from "#build/image/config.ts";
import { checkOptionsOf, lint } from "#build/lint/lint.ts";
import type { Finding } from "#build/lint/rules.ts";
import type { IgnoreMatcher } from "#build/paths/ignore.ts";
import type { Platform } from "#build/stage/state.ts";
import { globalArgs } from "./global-args.ts";
import { planStages, type PlannedStage } from "./graph.ts";
import type { NamedContexts } from "./named-contexts.ts";

export interface LintRequest {
  readonly dockerfile: Dockerfile;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly platform: Platform;
  /** Undefined for the last stage. */
  readonly target: string | undefined;
  readonly contexts: NamedContexts;
  /** @throws {Error} when there is none. */
  readonly context: () => CopySource;
  /** Whether to look at stages, too, that the target does not need. */
  readonly allStages: boolean;
  /** The configuration of a stage's base image; undefined when it is not known. */
  readonly imageOf: (stage: PlannedStage, reference: string) => Promise<ImageConfig | undefined>;
}

export interface LintReport {
  /** By their lines. */
  readonly findings: readonly Finding[];
  /** Whether they fail the build. */
  readonly failing: boolean;
}

/** Checks a Dockerfile as a build would see it. @throws {DockerfileError} for one that cannot be built. */
export async function lintBuild(request: LintRequest): Promise<LintReport> {
  const { dockerfile, buildArgs, platform, target, contexts } = request;
  const options = checkOptionsOf(dockerfile, buildArgs);
  const args = globalArgs(dockerfile, buildArgs, platform, target);
  const { stages, needed } = planStages(
    dockerfile,
    { globalArgs: args, platform },
    target,
    contexts,
  );
  const wanted = request.allStages ? [...stages.keys()] : needed;
  const images = new Map<number, ImageConfig>();
  await Promise.all(
    wanted.map(async (index) => {
      const stage = stages[index];
      if (stage?.base.kind !== "image") return;
      const config = await request.imageOf(stage, stage.base.reference);
      if (config !== undefined) images.set(index, config);
    }),
  );
  const findings = lint({
    dockerfile,
    stages,
    wanted,
    settings: { escape: dockerfile.escape, buildArgs, globalArgs: args },
    platform,
    images,
    ignore: ignoreOf(request.context),
    options,
    defaultArgs: globalArgs(dockerfile, new Map(), platform, target),
  });
  return { findings, failing: options.error && findings.length > 0 };
}

function ignoreOf(context: LintRequest["context"]): IgnoreMatcher | undefined {
  try {
    return context().ignore;
  } catch {
    // Told by the instruction that needs the context.
    return undefined;
  }
}
