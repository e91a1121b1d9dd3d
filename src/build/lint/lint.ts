import type { Dockerfile } from "#build/dockerfile/dockerfile.ts";
import { DockerfileError } from "#build/dockerfile/location.ts";
import { FindingBook } from "./book.ts";
import { parseCheckOptions, type CheckOptions } from "./check-options.ts";
import { lintFile } from "./lint-file.ts";
import { lintFrom } from "./lint-from.ts";
import { lintStages, type StagesLintInput } from "./lint-stages.ts";
import type { Finding } from "./rules.ts";

/** The build argument that goes before the `check` directive. */
const checkArgument = "BUILDKIT_DOCKERFILE_CHECK";

/** @throws {DockerfileError} for options that there are not. */
export function checkOptionsOf(
  { directives }: Dockerfile,
  buildArgs: ReadonlyMap<string, string>,
): CheckOptions {
  try {
    return parseCheckOptions(buildArgs.get(checkArgument) ?? directives.check);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DockerfileError({ start: 1, end: 1 }, reason, { cause: error });
  }
}

export interface LintInput extends StagesLintInput {
  readonly options: CheckOptions;
  /** ARGs before the first FROM as they are without what the build was given. */
  readonly defaultArgs: ReadonlyMap<string, string>;
}

/**
 * Checks a Dockerfile against the rules of Docker's build checks.
 * @throws {DockerfileError} as the build would, for what instructions cannot be.
 */
export function lint(input: LintInput): Finding[] {
  const book = new FindingBook(input.options);
  const args = { values: input.settings.globalArgs, defaults: input.defaultArgs };
  lintFile(input.dockerfile, book);
  lintFrom(input.dockerfile, args, book);
  lintStages(input, book);
  return book.list();
}

/** As the display of a build has it. */
export function findingText({ rule, message, lines }: Finding): string {
  return `${rule}: ${message} (line ${lines.start})`;
}

/** Why a build ends whose Dockerfile says `check=error=true`. */
export function violation(findings: readonly Finding[]): DockerfileError {
  const rules = [...new Set(findings.map((it) => it.rule))].toSorted();
  return new DockerfileError(
    findings[0]?.lines ?? { start: 1, end: 1 },
    `lint violation found for rules: ${rules.join(", ")}`,
  );
}
