import type { Dockerfile, Stage } from "#build/dockerfile/dockerfile.ts";
import { expand, type Variables } from "#build/dockerfile/expand.ts";
import type { Instruction, StageHead } from "#build/dockerfile/instructions.ts";
import { DockerfileError, type Lines } from "#build/dockerfile/location.ts";
import { parseMount } from "#build/dockerfile/run-mounts.ts";
import { suggestion } from "#base/suggest.ts";
import { parsePlatform } from "#build/stage/platform.ts";
import type { Platform } from "#build/stage/state.ts";
import { contextName, type NamedContexts } from "./named-contexts.ts";

/** What a stage begins with, and what COPY and mounts take files from. */
export type StageSource =
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly reference: string }
  /** The files of a named context. */
  | { readonly kind: "files"; readonly name: string }
  | { readonly kind: "scratch" };

export interface PlannedStage {
  readonly stage: Stage;
  /** As the display names it. */
  readonly title: string;
  readonly base: StageSource;
  /** Of --platform; undefined for that of the build. */
  readonly platform: Platform | undefined;
}

/** The stages of a Dockerfile and those that a build needs. */
export interface StageGraph {
  readonly stages: readonly PlannedStage[];
  readonly target: number;
  /** Indexes of the stages that the target needs, itself among them, in the file's order. */
  readonly needed: readonly number[];
}

const scratch = "scratch";

export interface PlanValues {
  readonly globalArgs: ReadonlyMap<string, string>;
  readonly platform: Platform;
}

/**
 * Finds out what stages are made from.
 * @param target a stage's name or number; undefined for the last.
 * @param platform of the build.
 * @param contexts take the places of stages and images of their names.
 * @throws {DockerfileError}
 */
export function planStages(
  dockerfile: Dockerfile,
  { globalArgs, platform }: PlanValues,
  target: string | undefined,
  contexts: NamedContexts,
): StageGraph {
  const variables: Variables = (name) => globalArgs.get(name);
  const stages = dockerfile.stages.map((stage, index): PlannedStage => {
    const { head } = stage;
    const base = expandAt(head.base, head.lines, variables, dockerfile);
    if (base === "") {
      throw new DockerfileError(
        head.lines,
        `base name (${head.base}) should not be blank: is an ARG missing?`,
      );
    }
    const title = head.name ?? (dockerfile.stages.length === 1 ? "" : `stage-${index}`);
    return {
      stage,
      title,
      base: sourceOf(base, dockerfile.stages.slice(0, index), contexts),
      platform: platformOf(head, variables, dockerfile, platform),
    };
  });
  const wanted = findTarget(dockerfile, target);
  return {
    stages,
    target: wanted,
    needed: [...reachable({ stages: dockerfile.stages, contexts }, stages, wanted)].sort(
      (a, b) => a - b,
    ),
  };
}

function platformOf(
  head: StageHead,
  variables: Variables,
  dockerfile: Dockerfile,
  host: Platform,
): Platform | undefined {
  if (head.platform === "") return undefined;
  const text = expandAt(head.platform, head.lines, variables, dockerfile);
  if (text === "") {
    const reason = `empty platform value from expression ${head.platform}: is an ARG missing?`;
    throw new DockerfileError(head.lines, reason);
  }
  try {
    return parsePlatform(text, host);
  } catch (error) {
    throw new DockerfileError(head.lines, error instanceof Error ? error.message : String(error));
  }
}

function expandAt(
  text: string,
  lines: Lines,
  variables: Variables,
  { escape }: Dockerfile,
): string {
  try {
    return expand(text, variables, { escape }).text;
  } catch (error) {
    throw new DockerfileError(lines, error instanceof Error ? error.message : String(error));
  }
}

function findTarget(dockerfile: Dockerfile, target: string | undefined): number {
  const { stages } = dockerfile;
  if (target === undefined) return stages.length - 1;
  const byName = stages.findLastIndex((it) => it.head.name === target.toLowerCase());
  if (byName !== -1) return byName;
  if (/^\d+$/.test(target) && Number(target) < stages.length) return Number(target);
  const names = stages.flatMap((it) => it.head.name ?? []);
  const last = stages.at(-1)?.head.lines ?? { start: 1, end: 1 };
  throw new DockerfileError(
    last,
    `target stage "${target}" could not be found${suggestion(target, names)}: the file has ${names.join(", ") || "no named stages"}`,
  );
}

/** A base: a named context; stages before it, by name; else an image. */
function sourceOf(name: string, before: readonly Stage[], contexts: NamedContexts): StageSource {
  const context = contexts.get(contextName(name));
  if (context?.kind === "image") return { kind: "image", reference: context.reference };
  if (context?.kind === "files") return { kind: "files", name: contextName(name) };
  const index = before.findLastIndex((it) => it.head.name === name.toLowerCase());
  if (index !== -1) return { kind: "stage", index };
  return name === scratch ? { kind: "scratch" } : { kind: "image", reference: name };
}

/** Where names after `from` lead. */
export interface Sources {
  readonly stages: readonly Stage[];
  readonly contexts: NamedContexts;
}

/**
 * What `--from` and `from=` name: a named context, an earlier stage, by name or number,
 * or an image.
 * @param index of the stage it stands in.
 * @throws {DockerfileError} for the stage itself and those after it.
 */
export function resolveFrom(
  from: string,
  { stages, contexts }: Sources,
  index: number,
  lines: Lines,
): StageSource {
  if (from.includes("$")) {
    throw new DockerfileError(
      lines,
      "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
    );
  }
  if (/^\d+$/.test(from)) {
    if (Number(from) < index) return { kind: "stage", index: Number(from) };
    throw new DockerfileError(
      lines,
      `--from=${from}: there is no stage of that number before this one`,
    );
  }
  const source = sourceOf(from, stages.slice(0, index), contexts);
  const isLater = stages.slice(index).some((it) => it.head.name === from.toLowerCase());
  const isNamed = source.kind === "stage" || contexts.has(contextName(from));
  if (isLater && !isNamed) {
    throw new DockerfileError(
      lines,
      `stage "${from}" needs to be defined before the stage that uses it`,
    );
  }
  return source;
}

/** Names behind `from=` and `--from` of an instruction. */
export function sourceNames(instruction: Instruction): string[] {
  if ("destination" in instruction) return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.kind !== "run") return [];
  return instruction.mounts.flatMap((mount) => {
    try {
      return parseMount(mount, (value) => value).from ?? [];
    } catch {
      // A variable that has no value yet; told when it has one.
      return /(?:^|,)from=([^,]+)/.exec(mount)?.[1] ?? [];
    }
  });
}

function reachable(
  sources: Sources,
  planned: readonly PlannedStage[],
  target: number,
): Set<number> {
  const found = new Set<number>();
  const waiting = [target];
  for (;;) {
    const index = waiting.pop();
    if (index === undefined) return found;
    const entry = planned[index];
    if (entry === undefined || found.has(index)) continue;
    found.add(index);
    const from = entry.stage.instructions.flatMap((instruction) =>
      sourceNames(instruction).map((name) => resolveFrom(name, sources, index, instruction.lines)),
    );
    for (const source of [entry.base, ...from]) {
      if (source.kind === "stage") waiting.push(source.index);
    }
  }
}
