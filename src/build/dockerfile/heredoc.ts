import { expand } from "./expand.ts";

/** `<<-"NAME"` as an instruction says it. */
export interface HeredocMark {
  readonly name: string;
  /** False when a part of the name is quoted: the content is taken as it is. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are no part of the content. */
  readonly stripTabs: boolean;
}

export interface Heredoc extends HeredocMark {
  /** The lines before the one with the name, with their ends. */
  readonly content: string;
}

const mark = /^(\d*)<<(-?)\s*([^<]*)$/;

function unset(): undefined {
  return undefined;
}

/** Undefined when the word is no heredoc. @throws {Error} for a quote that is not closed. */
export function readHeredocMark(word: string): HeredocMark | undefined {
  const [, , dash = "", rest = ""] = mark.exec(word) ?? [];
  if (rest === "") return undefined;
  const options = { escape: "\\", keepUnset: true } as const;
  const [name, ...more] = expand(rest, unset, options).words;
  if (name === undefined || more.length > 0) return undefined;
  const raw = expand(rest, unset, { ...options, keepQuotes: true }).words.join("");
  return { name, expand: countQuotes(raw) === countQuotes(name), stripTabs: dash === "-" };
}

/** The heredocs of a line, in order. A line whose quotes do not match has none. */
export function readHeredocMarks(line: string): HeredocMark[] {
  let words: readonly string[];
  try {
    const options = { escape: "\\", keepUnset: true, keepQuotes: true, keepEscapes: true } as const;
    words = expand(line, unset, options).words;
  } catch {
    return [];
  }
  return words.flatMap((it) => readHeredocMark(it) ?? []);
}

/** The content as the instruction gets it. */
export function heredocText(heredoc: Heredoc): string {
  return heredoc.stripTabs ? heredoc.content.replaceAll(/^\t+/gm, "") : heredoc.content;
}

function countQuotes(text: string): number {
  return text.match(/['"]/g)?.length ?? 0;
}
