import { readDirectives, type Directives } from "./directives.ts";
import type { EscapeCharacter } from "./expand.ts";
import { readHeredocMarks, type Heredoc } from "./heredoc.ts";
import { DockerfileError, type Lines } from "./location.ts";
import { readJsonForm, splitLine, type SplitLine } from "./words.ts";

/** One instruction with its continued lines joined, and what its heredocs hold. */
export interface Statement extends SplitLine {
  readonly lines: Lines;
  /** The joined line. */
  readonly text: string;
  readonly heredocs: readonly Heredoc[];
  /** The comment lines before it, without `#`; an empty one forgets those above it. */
  readonly comments: readonly string[];
}

export interface Statements {
  readonly directives: Directives;
  readonly escape: EscapeCharacter;
  readonly statements: readonly Statement[];
  /** Lines of instructions that are continued over an empty line. */
  readonly emptyContinuations: readonly Lines[];
}

/** A Dockerfile is held in memory as a whole. */
export const dockerfileBytesMax = 16 * 1_048_576;

const heredocInstructions = new Set(["add", "copy", "run"]);

/**
 * Splits a Dockerfile into instructions.
 * @throws {DockerfileError} for a heredoc without an end, bad directives, a file without instructions.
 */
export function readStatements(content: string): Statements {
  const lines = content.replace(/^\uFEFF/, "").split("\n");
  const { directives, length } = readDirectives(lines);
  const escape = directives.escape ?? "\\";
  const reader = new Reader(lines, escape, length);
  const statements: Statement[] = [];
  for (;;) {
    const statement = reader.next();
    if (statement === undefined) break;
    statements.push(statement);
  }
  if (statements.length === 0) {
    const end = { start: lines.length, end: lines.length };
    throw new DockerfileError(end, "the file has no instructions: expected FROM");
  }
  return { directives, escape, statements, emptyContinuations: reader.emptyContinuations };
}

/** Takes statements from lines. */
class Reader {
  readonly emptyContinuations: Lines[] = [];
  readonly #lines: readonly string[];
  readonly #escape: EscapeCharacter;
  readonly #continuation: RegExp;
  #at: number;
  #comments: string[] = [];

  /** @param from the first line that is read, counted from 0. */
  constructor(lines: readonly string[], escape: EscapeCharacter, from: number) {
    this.#at = from;
    this.#lines = lines;
    this.#escape = escape;
    const quoted = escape === "\\" ? "\\\\" : escape;
    // The last of two is escaped by the first and continues nothing.
    this.#continuation = new RegExp(`(^|[^${quoted}])${quoted}[ \\t]*$`);
  }

  next(): Statement | undefined {
    for (;;) {
      const line = this.#lines[this.#at];
      if (line === undefined) return undefined;
      const start = ++this.#at;
      if (isComment(line)) this.#noteComment(line);
      const first = isComment(line) ? "" : line.replace(/[\r\n]+$/, "").trimStart();
      const text = this.#join(first, start);
      if (text.trim() === "") continue;
      const split = splitLine(text, this.#escape);
      const marked = mayHaveHeredoc(split, this.#escape) && text.includes("<<");
      const heredocs = marked ? this.#readHeredocs(text, start) : [];
      const comments = this.#comments;
      this.#comments = [];
      return { ...split, lines: { start, end: this.#at }, text, heredocs, comments };
    }
  }

  #noteComment(line: string): void {
    const comment = line.trim().slice(1).trim();
    if (comment === "") this.#comments = [];
    else this.#comments.push(comment);
  }

  /** Adds the lines that continue the first one. Comments and empty lines between them are skipped. */
  #join(first: string, start: number): string {
    let text = first;
    while (this.#continuation.test(text)) {
      text = text.replace(this.#continuation, "$1");
      const more = this.#nextContent(start);
      if (more === undefined) break;
      text += more;
    }
    return text;
  }

  /** The next line that is neither empty nor a comment; undefined at the end. */
  #nextContent(start: number): string | undefined {
    for (;;) {
      const line = this.#lines[this.#at];
      if (line === undefined) return undefined;
      this.#at++;
      if (isComment(line)) continue;
      const content = line.replace(/[\r\n]+$/, "");
      if (content.trim() !== "") return content;
      this.#noteEmpty(start);
    }
  }

  #noteEmpty(start: number): void {
    // The last line of a file that ends with a line feed is no line.
    if (this.#at === this.#lines.length) return;
    if (this.emptyContinuations.at(-1)?.start === start) return;
    this.emptyContinuations.push({ start, end: this.#at });
  }

  #readHeredocs(text: string, start: number): Heredoc[] {
    try {
      return readHeredocMarks(text).map((it) => ({ ...it, content: this.#readUntil(it) }));
    } catch (error) {
      const lines = { start, end: this.#at };
      throw new DockerfileError(lines, error instanceof Error ? error.message : String(error));
    }
  }

  #readUntil(heredoc: { readonly name: string; readonly stripTabs: boolean }): string {
    const from = this.#at;
    for (;;) {
      const line = this.#lines[this.#at];
      const isLast = this.#at === this.#lines.length - 1;
      if (line === undefined || (isLast && line === "" && heredoc.name !== "")) break;
      this.#at++;
      const bare = line.replace(/\r+$/, "");
      if ((heredoc.stripTabs ? bare.replace(/^\t+/, "") : bare) !== heredoc.name) continue;
      const content = this.#lines.slice(from, this.#at - 1);
      return content.map((it) => `${it}\n`).join("");
    }
    throw new Error(
      `unterminated heredoc: expected a line with just '${heredoc.name}' before the end of the file`,
    );
  }
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith("#");
}

/** ADD, COPY and RUN that are not in JSON form, by themselves or behind ONBUILD. */
function mayHaveHeredoc(split: SplitLine, escape: EscapeCharacter): boolean {
  const instruction = split.instruction.toLowerCase();
  if (instruction === "onbuild") return mayHaveHeredoc(splitLine(split.rest, escape), escape);
  if (!heredocInstructions.has(instruction)) return false;
  try {
    return readJsonForm(split.rest) === undefined;
  } catch {
    return false;
  }
}
