import type { CopyInstruction } from "#build/dockerfile/instructions.ts";
import { cleanPath } from "#build/paths/clean.ts";
import type { Evaluation } from "./evaluation.ts";
import { parseModeChange } from "./mode.ts";
import type { CopyOperation } from "./operations.ts";

/** @throws {Error} */
export function copyOperation(
  instruction: CopyInstruction,
  it: Evaluation,
): { readonly operation: CopyOperation; readonly createdBy: string } {
  const sources = instruction.sources.map(it.expandText);
  const written = it.expandText(instruction.destination);
  const operation: CopyOperation = {
    kind: "copy",
    isAdd: instruction.kind === "add",
    sources,
    inline: instruction.inline.map((file) =>
      file.expand ? { ...file, content: it.expandRaw(file.content) } : file,
    ),
    destination: destinationPath(written, it.state.config.WorkingDir ?? "/"),
    from: instruction.from,
    chown: it.expandText(instruction.chown),
    chmod: it.expandText(instruction.chmod),
    link: instruction.link,
    parents: instruction.parents,
    excludes: instruction.excludes,
    checksum: it.expandText(instruction.checksum),
    unpack: instruction.unpack,
    keepGitDir: instruction.keepGitDir ?? false,
    lines: instruction.lines,
    title: instruction.text,
  };
  check(operation);
  return { operation, createdBy: describe(operation, written) };
}

function check(operation: CopyOperation): void {
  const { sources, inline, destination, isAdd, checksum } = operation;
  if (operation.chmod !== "") parseModeChange(operation.chmod);
  if (sources.length + inline.length > 1 && !destination.endsWith("/")) {
    const name = isAdd ? "ADD" : "COPY";
    throw new Error(
      `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  if (!isAdd && sources.some(isUrl)) throw new Error("source can't be a URL for COPY: use ADD");
  if (!isAdd && sources.some(isGitUrl))
    throw new Error("source can't be a git ref for COPY: use ADD");
  if (checksum === "") return;
  if (sources.length !== 1) throw new Error("checksum can't be specified for multiple sources");
  if (!sources.some((it) => isUrl(it) || isGitUrl(it))) {
    throw new Error("checksum requires HTTP(S) or Git sources");
  }
}

/** Of a file to download. */
export function isUrl(source: string): boolean {
  return /^https?:\/\//.test(source) && !isGitUrl(source);
}

/** Of a repository: Docker's rules of what is one. */
export function isGitUrl(source: string): boolean {
  if (/^(git|ssh):\/\//.test(source) || /^[\w.-]+@[\w.-]+:/.test(source)) return true;
  return /^https?:\/\/[^#?]+\.git(?:[#?].*)?$/.test(source);
}

/** From the root, and with a slash at its end if one was written. */
function destinationPath(written: string, workdir: string): string {
  const absolute = written.startsWith("/") ? written : `${workdir}/${written}`;
  const clean = cleanPath(absolute);
  const isDirectory = /(^|\/)\.{0,2}$/.test(written) && clean !== "/";
  return isDirectory ? `${clean}/` : clean;
}

function describe(operation: CopyOperation, destination: string): string {
  const flags = [
    ...(operation.parents ? ["--parents"] : []),
    ...(operation.chown === "" ? [] : [`--chown=${operation.chown}`]),
    ...(operation.chmod === "" ? [] : [`--chmod=${operation.chmod}`]),
  ];
  const inline = operation.inline.map((it) => `<<${it.name}`);
  const words = [...flags, ...operation.sources, ...inline, destination];
  return `${operation.isAdd ? "ADD" : "COPY"} ${words.join(" ")}`;
}
