import type { EscapeCharacter } from "./expand.ts";

/**
 * Splits at white space outside of quotes; quotes and escapes stay for the expansion that follows.
 */
export function splitWords(text: string, escape: EscapeCharacter): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  let started = false;
  const characters = Array.from(text);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (quote === "" && /\s/u.test(character)) {
      if (started) words.push(word);
      [word, started] = ["", false];
      continue;
    }
    started = true;
    if (character === escape && quote !== "'") {
      const next = characters[++at];
      // An escape character at the end escapes nothing.
      if (next !== undefined) word += character + next;
      continue;
    }
    if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
    word += character;
  }
  if (started && word !== "") words.push(word);
  return words;
}

/** What an instruction's line says before its arguments. */
export interface SplitLine {
  /** As written. */
  readonly instruction: string;
  /** `--name=value`, without quotes and escapes. */
  readonly flags: readonly string[];
  readonly rest: string;
}

const blanks = /[\t\v\f\r ]+/;

/** The instruction, its flags and the text of its arguments. */
export function splitLine(line: string, escape: EscapeCharacter): SplitLine {
  const text = line.trim();
  const match = blanks.exec(text);
  if (match === null) return { instruction: text, flags: [], rest: "" };
  const { flags, rest } = readFlags(text.slice(match.index + match[0].length), escape);
  return { instruction: text.slice(0, match.index), flags, rest: rest.trim() };
}

/** Words that begin with `--`, up to the first that does not, or to `--` alone. */
function readFlags(text: string, escape: EscapeCharacter): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (/\s/u.test(text[at] ?? "")) at++;
    if (!text.startsWith("--", at)) return { flags, rest: text.slice(at) };
    const flag = readFlag(text, at, escape);
    at = flag.end;
    if (flag.text === "--") return { flags, rest: text.slice(at) };
    flags.push(flag.text);
  }
}

function readFlag(
  text: string,
  start: number,
  escape: EscapeCharacter,
): { text: string; end: number } {
  let flag = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at] ?? "";
    if (quote === "" && /\s/u.test(character)) break;
    if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
    else if (character !== escape) flag += character;
    else flag += text[++at] ?? "";
  }
  return { text: flag, end: at };
}

/** Splits at blanks, quotes being characters like any other. */
export function splitBlanks(text: string): string[] {
  return text === "" ? [] : text.split(blanks);
}

/** Splits `name value` at the first blank; undefined without one. */
export function splitOnce(text: string): [first: string, rest: string] | undefined {
  const match = blanks.exec(text);
  if (match === null) return undefined;
  return [text.slice(0, match.index), text.slice(match.index + match[0].length)];
}

/**
 * The strings of `["a", "b"]`; undefined when the text is no JSON array, and so has to be read as
 * a shell would. @throws {Error} for an array of anything but strings.
 */
export function readJsonForm(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const items = value as readonly unknown[];
  if (items.every((it): it is string => typeof it === "string")) return items;
  throw new Error("when using JSON array syntax, arrays must be comprised of strings only");
}
