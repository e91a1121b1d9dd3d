import { heredocText, readHeredocMark } from "#build/dockerfile/heredoc.ts";
import type { CommandLine, RunInstruction } from "#build/dockerfile/instructions.ts";
import { parseMount } from "#build/dockerfile/run-mounts.ts";
import type { Evaluation } from "./evaluation.ts";
import type { RunOperation } from "./operations.ts";
import type { StageState } from "./state.ts";

const defaultShell: readonly string[] = ["/bin/sh", "-c"];
/** Where the file of a heredoc with `#!` is while it runs. */
const scriptDirectory = "/dev/pipes";
/** Variables that builds may be given without declaring them, in both cases. */
const proxyNames: readonly string[] = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "FTP_PROXY",
  "NO_PROXY",
  "ALL_PROXY",
];

/** The words to run: those of the JSON form, or the shell's and the text. */
export function commandWords(command: CommandLine, state: StageState): readonly string[] {
  if (!command.shell) return command.words;
  return [...(state.config.Shell ?? defaultShell), command.words.join(" ")];
}

/** @throws {Error} */
export function runOperation(instruction: RunInstruction, it: Evaluation): RunOperation {
  const { state } = it;
  const { command, script } = withHeredocs(instruction);
  const words = commandWords(command, state);
  if (words.length === 0 || (command.shell && command.words.length === 0)) {
    throw new Error("RUN requires a command");
  }
  return {
    kind: "run",
    args: words,
    script,
    environment: state.environment,
    unkeyedEnvironment: proxies(it.settings.buildArgs),
    workdir: state.config.WorkingDir ?? "/",
    user: state.config.User ?? "",
    mounts: instruction.mounts.map((mount) => parseMount(mount, it.expandText)),
    network: instruction.network,
    security: instruction.security,
    lines: instruction.lines,
    title: titleOf(instruction),
  };
}

function titleOf(instruction: RunInstruction): string {
  const [heredoc] = instruction.heredocs;
  if (heredoc === undefined) return instruction.text;
  const [first = "", ...more] = heredoc.content.trim().split("\n");
  return `${instruction.text} (${first}${more.length > 0 ? "…" : ""})`;
}

/** Where heredocs go: one alone is the command or a script, others the shell reads itself. */
function withHeredocs(
  instruction: RunInstruction,
): Pick<RunOperation, "script"> & { readonly command: CommandLine } {
  const { command, heredocs } = instruction;
  const [first] = heredocs;
  const [text = ""] = command.words;
  if (first === undefined) return { command, script: undefined };
  if (readHeredocMark(text) === undefined) {
    const bodies = heredocs.map((it) => `\n${it.content}${it.name}`);
    return { command: { words: [`${text}${bodies.join("")}`], shell: true }, script: undefined };
  }
  const content = heredocText(first);
  if (!content.startsWith("#!")) {
    return { command: { words: [content], shell: true }, script: undefined };
  }
  const path = `${scriptDirectory}/${first.name}`;
  return { command: { words: [path], shell: true }, script: { path, content } };
}

function proxies(buildArgs: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const [name, value] of buildArgs) {
    const upper = name.toUpperCase();
    if (proxyNames.includes(upper))
      lines.push(`${upper}=${value}`, `${name.toLowerCase()}=${value}`);
  }
  return lines;
}
