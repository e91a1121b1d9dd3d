import { Flags } from "./flags.ts";
import { heredocText, readHeredocMark } from "./heredoc.ts";
import type { CopyInstruction, InlineFile } from "./instructions.ts";
import type { Statement } from "./statements.ts";
import { readJsonForm, splitBlanks } from "./words.ts";

/** COPY and ADD. @throws {Error} */
export function parseCopy(statement: Statement, kind: "copy" | "add"): CopyInstruction {
  const name = kind.toUpperCase();
  const words = readJsonForm(statement.rest) ?? splitBlanks(statement.rest);
  const destination = words.at(-1);
  if (destination === undefined || words.length < 2) {
    throw new Error(
      `${name} requires at least two arguments: expected ${name} SOURCE... DESTINATION`,
    );
  }
  if (readHeredocMark(destination) !== undefined) {
    throw new Error(`${name} cannot accept a heredoc as a destination: expected a path at the end`);
  }
  const flags = new Flags(statement.flags, {
    ...(kind === "copy"
      ? ({ from: "text", parents: "boolean" } as const)
      : ({ checksum: "text", unpack: "boolean", "keep-git-dir": "boolean" } as const)),
    chown: "text",
    chmod: "text",
    link: "boolean",
    exclude: "many",
  });
  const from = flags.text("from");
  return {
    kind,
    lines: statement.lines,
    text: statement.text,
    comments: statement.comments,
    ...readSources(words.slice(0, -1), statement),
    destination,
    from: from === "" ? undefined : from,
    chown: flags.text("chown"),
    chmod: flags.text("chmod"),
    link: flags.boolean("link") ?? false,
    parents: flags.boolean("parents") ?? false,
    excludes: flags.all("exclude"),
    checksum: flags.text("checksum"),
    unpack: flags.boolean("unpack"),
    keepGitDir: flags.boolean("keep-git-dir"),
  };
}

function readSources(
  words: readonly string[],
  statement: Statement,
): { readonly sources: string[]; readonly inline: InlineFile[] } {
  const sources: string[] = [];
  const inline: InlineFile[] = [];
  for (const word of words) {
    const mark = readHeredocMark(word);
    const heredoc = statement.heredocs.find((it) => it.name === mark?.name);
    if (mark === undefined || heredoc === undefined) sources.push(word);
    else inline.push({ name: mark.name, content: heredocText(heredoc), expand: mark.expand });
  }
  return { sources, inline };
}
