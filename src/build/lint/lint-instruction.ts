import { expand } from "#build/dockerfile/expand.ts";
import type { CopyInstruction, Instruction } from "#build/dockerfile/instructions.ts";
import type { Lines } from "#build/dockerfile/location.ts";
import { suggestion } from "#base/suggest.ts";
import { cleanPath } from "#build/paths/clean.ts";
import type { IgnoreMatcher } from "#build/paths/ignore.ts";
import { nameOf, valueOf } from "#build/stage/environment.ts";
import { isGitUrl, isUrl } from "#build/stage/evaluate-copy.ts";
import type { BuildSettings } from "#build/stage/evaluation.ts";
import type { StageState } from "#build/stage/state.ts";
import type { FindingBook, Place } from "./book.ts";
import { writtenName } from "./lint-file.ts";

/** What rules have to know of a stage while they go through its instructions. */
export interface StageLint {
  /** Where instructions stand of which the last one counts, by their kind. */
  readonly last: Map<Instruction["kind"], Place>;
  /** Whether this stage or one below it in the file has a WORKDIR. */
  hasWorkdir: boolean;
  /** Whether the base image's configuration is known; rules that depend on it are not asked else. */
  readonly knowsBase: boolean;
  /** The patterns of .dockerignore. */
  readonly ignore: IgnoreMatcher | undefined;
}

/** An instruction where it stands. */
export interface LintedInstruction {
  readonly instruction: Instruction;
  /** The stage before it. */
  readonly state: StageState;
  readonly settings: BuildSettings;
  /** Variables that it names and that are not set. */
  readonly unset: readonly string[];
}

/** Of these a stage has one. */
const lastCounts: ReadonlySet<Instruction["kind"]> = new Set<Instruction["kind"]>([
  "cmd",
  "entrypoint",
  "healthcheck",
]);

/** The rules about one instruction of a stage. */
export function lintInstruction(it: LintedInstruction, stage: StageLint, book: FindingBook): void {
  const { instruction } = it;
  lintVariables(it, stage, book);
  if ("pairs" in instruction || instruction.kind === "arg") lintPairs(instruction, it, book);
  else if ("destination" in instruction) lintSources(instruction, it, stage, book);
  else if (instruction.kind === "workdir") lintWorkdir(instruction, it, stage, book);
  else if (instruction.kind === "expose") lintPorts(instruction, it, book);
  else if (lastCounts.has(instruction.kind)) lintCommand(it, stage, book);
}

function lintVariables(
  { instruction, state, unset }: LintedInstruction,
  { knowsBase }: StageLint,
  book: FindingBook,
): void {
  if (!knowsBase) return;
  const declared = new Set(state.buildArgs.map(nameOf));
  const known = state.environment.map((it) => `$${nameOf(it)}`);
  for (const name of unset) {
    if (declared.has(name)) continue;
    const near = suggestion(`$${name}`, known);
    book.add("UndefinedVar", instruction, `Usage of undefined variable '$${name}'${near}`);
  }
}

const secretName =
  /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmlessName = /(?:_|^)(?:public|file|version)(?:_|$)/i;

function lintPairs(
  instruction: Extract<Instruction, { kind: "env" | "label" | "arg" }>,
  it: LintedInstruction,
  book: FindingBook,
): void {
  const { kind } = instruction;
  const written = writtenName(instruction);
  const definitions = kind === "arg" ? instruction.definitions : instruction.pairs;
  for (const definition of definitions) {
    if ("legacy" in definition && definition.legacy === true) {
      const message = `"${written} key=value" should be used instead of legacy "${written} key value" format`;
      book.add("LegacyKeyValueFormat", instruction, message);
    }
    if (kind === "label") continue;
    const name = kind === "env" ? expanded(definition.name, it).text : definition.name;
    if (!secretName.test(name) || harmlessName.test(name)) continue;
    const message = `Do not use ARG or ENV instructions for sensitive data (${kind.toUpperCase()} "${name}")`;
    book.add("SecretsUsedInArgOrEnv", instruction, message);
  }
}

function expanded(text: string, { state, settings }: LintedInstruction): ReturnType<typeof expand> {
  return expand(text, (name) => valueOf(state.environment, name), { escape: settings.escape });
}

function lintCommand(
  { instruction, state }: LintedInstruction,
  { last, knowsBase }: StageLint,
  book: FindingBook,
): void {
  const before = last.get(instruction.kind);
  const name = writtenName(instruction);
  if (before !== undefined) {
    const message = `Multiple ${name} instructions should not be used in the same stage because only the last one will be used`;
    // The one before is the one that does nothing.
    book.add("MultipleInstructionsDisallowed", before, message);
  }
  last.set(instruction.kind, instruction);
  const isShell = "command" in instruction && instruction.command.shell;
  if (!isShell || !knowsBase || hasShell(state)) return;
  const message = `JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals`;
  book.add("JSONArgsRecommended", instruction, message);
}

function hasShell({ config: { Shell } }: StageState): boolean {
  return Shell !== undefined && Shell.length > 0;
}

function lintWorkdir(
  instruction: { readonly path: string } & Place,
  it: LintedInstruction,
  stage: StageLint,
  book: FindingBook,
): void {
  const path = expanded(instruction.path, it).text;
  if (!stage.hasWorkdir && !path.startsWith("/")) {
    const message = `Relative workdir "${path}" can have unexpected results if the base image changes`;
    book.add("WorkdirRelativePath", instruction, message);
  }
  stage.hasWorkdir = true;
}

function lintPorts(
  instruction: { readonly ports: readonly string[]; readonly lines: Lines } & Place,
  it: LintedInstruction,
  book: FindingBook,
): void {
  for (const port of instruction.ports.flatMap((text) => expanded(text, it).words)) {
    const parts = port.split(":");
    const protocol = parts.at(-1)?.split("/")[1] ?? "";
    if (protocol !== protocol.toLowerCase()) {
      const message = `Defined protocol '${port}' in EXPOSE instruction should be lowercase`;
      book.add("ExposeProtoCasing", instruction, message);
    }
    if (parts.slice(0, -1).some((part) => part !== "")) {
      const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
      book.add("ExposeInvalidFormat", instruction, message);
    }
  }
}

function lintSources(
  instruction: CopyInstruction,
  it: LintedInstruction,
  { ignore }: StageLint,
  book: FindingBook,
): void {
  // What exceptions take in again cannot be told from the patterns.
  if (instruction.from !== undefined || ignore === undefined || ignore.hasExceptions) return;
  const verb = instruction.kind === "add" ? "Add" : "Copy";
  for (const source of instruction.sources.map((text) => expanded(text, it).text)) {
    if (isUrl(source) || isGitUrl(source)) continue;
    const path = cleanPath(source);
    const isRoot = path === "." || path === "/";
    if (isRoot ? !ignore.ignoresAll : !ignore.ignores(path.replace(/^\//, ""))) continue;
    const message = `Attempting to ${verb} file "${path}" that is excluded by .dockerignore`;
    book.add("CopyIgnoredFile", instruction, message);
  }
}
