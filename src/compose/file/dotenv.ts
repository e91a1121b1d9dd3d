import { interpolate, type Lookup } from "./interpolation.ts";

/** A line of an environment file that says nothing. */
export class DotenvError extends Error {
  override readonly name = "DotenvError";
}

const linePattern = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:[=:]\s?(.*))?$/;

/**
 * Reads an environment file: `NAME=value`, comments, quotes (double ones with escapes, single ones
 * as they are, both over several lines), variables of the file itself and of `lookup`, which win.
 * A name without `=` takes its value from `lookup`, and is left out when it has none.
 * @throws {DotenvError} naming the line.
 */
export function parseDotenv(text: string, lookup: Lookup): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const resolve: Lookup = (name) => lookup(name) ?? found.get(name);
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? "").trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, name, rest] = linePattern.exec(line) ?? [];
    if (name === undefined) throw new DotenvError(`line ${at + 1}: expected NAME=value`);
    if (rest === undefined) {
      const inherited = lookup(name);
      if (inherited !== undefined) found.set(name, inherited);
      continue;
    }
    const value = rest.trimStart();
    const quote = value.charAt(0);
    if (quote !== '"' && quote !== "'") {
      found.set(name, interpolate(withoutComment(value), resolve).text);
      continue;
    }
    const quoted = readQuoted([value, ...lines.slice(at + 1)], quote, at + 1);
    at += quoted.lines - 1;
    const text_ = quote === "'" ? quoted.text : interpolate(unescape(quoted.text), resolve).text;
    found.set(name, text_);
  }
  return found;
}

function withoutComment(value: string): string {
  const comment = value.search(/\s#/);
  return (comment < 0 ? value : value.slice(0, comment)).trimEnd();
}

function readQuoted(
  lines: readonly string[],
  quote: string,
  number: number,
): { readonly text: string; readonly lines: number } {
  let text = "";
  for (const [index, line] of lines.entries()) {
    const start = index === 0 ? 1 : 0;
    for (let at = start; at < line.length; at++) {
      const character = line.charAt(at);
      if (character === quote) return { text, lines: index + 1 };
      text += character;
      if (character === "\\" && quote === '"') text += line.charAt(++at);
    }
    text += "\n";
  }
  throw new DotenvError(`line ${number}: the closing ${quote} is missing`);
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", $: "$$" };

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, character: string) => escapes[character] ?? character);
}
