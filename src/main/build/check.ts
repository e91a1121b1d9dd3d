import { parseDockerfile } from "#build/dockerfile/dockerfile.ts";
import { excerpt } from "#build/dockerfile/location.ts";
import { findBaseImage } from "#build/engine/base-image.ts";
import { lintBuild, type LintRequest } from "#build/engine/lint-build.ts";
import type { BuildWorld } from "#build/engine/world.ts";
import { ruleUrl, type Finding } from "#build/lint/rules.ts";
import type { ImageConfig } from "#build/image/config.ts";
import type { Platform } from "#build/stage/state.ts";
import type { BuildInput } from "./input.ts";

export interface CheckRequest extends Pick<
  LintRequest,
  "buildArgs" | "contexts" | "platform" | "target"
> {
  readonly input: BuildInput;
}

/**
 * `gantry build --check`: looks at the Dockerfile and builds nothing. What a base image's configuration
 * says is known for those of the image store. Resolves with the exit code.
 * @throws {DockerfileError}
 */
export async function checkBuild(
  request: CheckRequest,
  { store, repositoryOf }: Pick<BuildWorld, "store" | "repositoryOf">,
  signal: AbortSignal,
): Promise<number> {
  const { input, contexts, platform, target, buildArgs } = request;
  const { findings } = await lintBuild({
    dockerfile: parseDockerfile(input.dockerfile),
    buildArgs,
    platform,
    target,
    contexts,
    context: input.context,
    allStages: true,
    imageOf: async (stage, reference) => await knownConfig(reference, stage.platform),
  });
  process.stdout.write(report(findings, input));
  return findings.length === 0 ? 0 : 1;

  async function knownConfig(
    reference: string,
    wanted: Platform = platform,
  ): Promise<ImageConfig | undefined> {
    const pull = (): Promise<void> => Promise.reject(new Error(`${reference} is not here`));
    const world = { store, repositoryOf, pull, refresh: false };
    try {
      return (await findBaseImage(reference, wanted, world, signal)).config;
    } catch {
      return undefined;
    }
  }
}

/** `--call=targets`: the stages that have names, and the comments that describe them. */
export function listTargets({ dockerfile }: BuildInput): number {
  const { stages } = parseDockerfile(dockerfile);
  const rows = stages.flatMap(({ head }, index) => {
    const isDefault = index === stages.length - 1;
    if (head.name === undefined && !isDefault) return [];
    const name = `${head.name ?? ""}${isDefault ? " (default)" : ""}`.trim();
    const about = head.comments.find((it) => it.startsWith(`${head.name ?? ""} `));
    return [[name, about?.slice((head.name ?? "").length + 1) ?? ""] as const];
  });
  const all = [["TARGET", "DESCRIPTION"] as const, ...rows];
  const width = Math.max(...all.map(([name]) => name.length)) + columnGap;
  for (const [name, about] of all) {
    process.stdout.write(`${`${name.padEnd(width)}${about}`.trimEnd()}\n`);
  }
  return 0;
}

const columnGap = 4;

function report(findings: readonly Finding[], { name, dockerfile }: BuildInput): string {
  if (findings.length === 0) return "Check complete, no warnings found.\n";
  const count = findings.length === 1 ? "1 warning has" : `${findings.length} warnings have`;
  const texts = findings.map(({ rule, message, lines }) => {
    const url = ruleUrl(rule);
    const head = `WARNING: ${rule}${url === undefined ? "" : ` - ${url}`}`;
    return `\n${head}\n${message}\n${name}:${lines.start}\n${excerpt(lines, dockerfile)}\n`;
  });
  return `Check complete, ${count} been found!\n${texts.join("")}`;
}
