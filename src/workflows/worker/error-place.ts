import { describeError } from "#base/log.ts";

/** The line of the file that an error's stack names first; undefined when it names none. */
export function lineOf(error: unknown, file: string): number | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const name = encodeURI(file.split("/").at(-1) ?? file);
  const found = new RegExp(`${escapePattern(name)}(?:\\?gantry=\\d+)?:(\\d+)`).exec(stack)?.[1];
  return found === undefined ? undefined : Number(found);
}

/**
 * The first line of a text with this name, or a path that ends with it, in quotes, else as a word of its
 * own; undefined when there is none.
 */
export function lineNaming(text: string | undefined, name: string): number | undefined {
  const escaped = escapePattern(name);
  const forms = [`(["'\`])(?:[^"'\`]*/)?${escaped}\\1`, `(?:^|[\\s/])${escaped}(?:[\\s,:}]|$)`];
  const lines = text?.split("\n") ?? [];
  for (const form of forms) {
    const pattern = new RegExp(form);
    const at = lines.findIndex((line) => pattern.test(line));
    if (at >= 0) return at + 1;
  }
  return undefined;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Something wrong with a file of DAGs of which the line is known. */
export class PlacedError extends Error {
  override readonly name = "PlacedError";
  readonly line: number | undefined;

  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

/** What Node says of a module that it cannot find. */
const missingModule = /^Cannot find (?:package|module) '([^']+)' imported from (.+)$/;

/**
 * What is wrong, and the line of the file: that of the import when a module is missing, which has no
 * stack. @param files the code that was read, by path below the folder.
 */
export function placeOf(
  error: unknown,
  at: { readonly folder: string; readonly file: string },
  files: Readonly<Record<string, string>>,
): { readonly message: string; readonly line: number | undefined } {
  const message = describeError(error);
  if (error instanceof PlacedError) return { message, line: error.line };
  const [, module, importer] = missingModule.exec(message) ?? [];
  if (module === undefined || importer === undefined)
    return { message, line: lineOf(error, at.file) };
  const shortened = message.replaceAll(`${at.folder}/`, "").replace(/\?gantry=\d+$/, "");
  const from = shortened.split(" imported from ").at(-1) ?? "";
  const name = module.startsWith("/") ? (module.split("/").at(-1) ?? module) : module;
  const line = lineNaming(files[from], name);
  if (from === at.file) return { message: shortened, line };
  return { message: `${shortened}${line === undefined ? "" : `:${line}`}`, line: undefined };
}
