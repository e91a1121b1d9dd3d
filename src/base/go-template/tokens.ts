import { TemplateError } from "./syntax.ts";

/** A piece of a template: text as it is, or what stands between braces. */
export interface Piece {
  readonly kind: "text" | "action";
  readonly text: string;
}

const blanksBefore = /\s+$/;
const blanksAfter = /^\s+/;
/** An action up to its braces, which texts in quotes may have, too. */
const action = /^(?:"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])*'|(?!\}\})[^"`'])*/s;

/** Cuts a template; `{{-` and `-}}` take the blanks beside them. @throws {TemplateError} */
export function splitTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = template;
  let trims = false;
  for (;;) {
    const at = rest.indexOf("{{");
    let text = at < 0 ? rest : rest.slice(0, at);
    if (trims) text = text.replace(blanksAfter, "");
    if (at < 0) return [...pieces, { kind: "text", text }];
    rest = rest.slice(at + 2);
    if (/^-\s/.test(rest)) {
      text = text.replace(blanksBefore, "");
      rest = rest.slice(2);
    }
    pieces.push({ kind: "text", text });
    const comment = /^\s*\/\*.*?\*\/(\s-)?\}\}/s.exec(rest);
    const inside = comment === null ? (action.exec(rest)?.[0] ?? "") : "";
    if (comment === null && !rest.startsWith("}}", inside.length)) {
      throw new TemplateError(`template: unclosed action: {{${rest.slice(0, 40)}`);
    }
    trims = comment === null ? /\s-$/.test(inside) : comment[1] !== undefined;
    if (comment === null) {
      pieces.push({ kind: "action", text: inside.replace(/\s-$/, "").trim() });
    }
    rest = rest.slice(comment === null ? inside.length + 2 : comment[0].length);
  }
}

export type Token =
  | { readonly kind: "literal"; readonly value: unknown }
  /** `.`, `.A.B`; after a bracket the names of what it gives. */
  | { readonly kind: "fields"; readonly names: readonly string[]; readonly isGlued: boolean }
  | { readonly kind: "variable"; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: "word"; readonly name: string }
  | { readonly kind: "mark"; readonly mark: string };

const token =
  /\s*(?:(?<string>"(?:\\.|[^"\\])*")|`(?<raw>[^`]*)`|'(?<char>\\.|[^'\\])'|(?<number>[-+]?(?:0x[\da-fA-F]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?))|(?<variable>\$\w*)(?<names>(?:\.\w+)*)|(?<fields>(?:\.\w+)+|\.)|(?<word>\w+)|(?<mark>:=|[=|,()]))/sy;

const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["nil", undefined],
]);

/** The tokens of an action. @throws {TemplateError} */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    token.lastIndex = at;
    const found = token.exec(text);
    if (found === null) {
      throw new TemplateError(`template: unexpected "${text.slice(at).trim()}" in {{${text}}}`);
    }
    const isGlued = at > 0 && found[0].startsWith(".") && text[at - 1] === ")";
    tokens.push(tokenOf(found.groups ?? {}, isGlued));
    at = token.lastIndex;
  }
  return tokens;
}

function tokenOf(groups: Readonly<Record<string, string | undefined>>, isGlued: boolean): Token {
  const { string, raw, char, number, variable, fields, word, mark = "" } = groups;
  if (string !== undefined) return { kind: "literal", value: unquote(string) };
  if (raw !== undefined) return { kind: "literal", value: raw };
  if (char !== undefined) return { kind: "literal", value: unquote(`"${char}"`).codePointAt(0) };
  if (number !== undefined) return { kind: "literal", value: Number(number) };
  if (variable !== undefined) {
    return { kind: "variable", name: variable, names: namesOf(groups["names"]) };
  }
  if (fields !== undefined) return { kind: "fields", names: namesOf(fields), isGlued };
  if (word === undefined) return { kind: "mark", mark };
  return words.has(word)
    ? { kind: "literal", value: words.get(word) }
    : { kind: "word", name: word };
}

function namesOf(text = ""): string[] {
  return text.split(".").filter((it) => it !== "");
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\u0007",
  b: "\b",
  f: "\f",
  v: "\v",
};

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replaceAll(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|.)/gs, (_, it: string) =>
      it.length > 1 ? String.fromCodePoint(Number.parseInt(it.slice(1), 16)) : (escapes[it] ?? it),
    );
}
