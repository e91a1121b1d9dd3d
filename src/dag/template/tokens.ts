import { TemplateError } from "./ast.ts";

export interface Token {
  readonly kind: "name" | "number" | "text" | "operator" | "end";
  readonly text: string;
}

/** Most characters of one template. */
export const templateLengthMax = 1_048_576;

const pattern =
  /\s+|([A-Za-z_]\w*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\/\/|\*\*|==|!=|<=|>=|[-+*/%~<>=()[\]{}.,:|])/suy;

/** The words of an expression. @throws {TemplateError} */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match === null) {
      throw new TemplateError(`unexpected '${source[at] ?? ""}' in '{{${source}}}'`);
    }
    at = pattern.lastIndex;
    const [, name, number, text, operator] = match;
    if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (text !== undefined) tokens.push({ kind: "text", text: unquote(text) });
    else if (operator !== undefined) tokens.push({ kind: "operator", text: operator });
  }
  return [...tokens, { kind: "end", text: "the end" }];
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

function unquote(text: string): string {
  return text
    .slice(1, -1)
    .replaceAll(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/gsu,
      (all: string, two?: string, four?: string, one?: string) => {
        const code = two ?? four;
        if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
        return escapes[one ?? ""] ?? all;
      },
    );
}

/** A piece of a template: text as it is, or the inside of `{{ }}` or `{% %}`. */
export interface Piece {
  readonly kind: "text" | "output" | "tag";
  readonly text: string;
}

/** Takes a template apart. As Jinja, one line end at the end is dropped. @throws {TemplateError} */
export function splitTemplate(template: string): Piece[] {
  if (template.length > templateLengthMax) {
    throw new TemplateError(`the template is longer than ${templateLengthMax} characters`);
  }
  const source = template.replace(/\r?\n$/, "");
  const pieces: Piece[] = [];
  let at = 0;
  let trim = false;
  while (at < source.length) {
    const open = source.slice(at).search(/\{[{%#]/);
    const begin = open < 0 ? source.length : at + open;
    const plain = source.slice(at, begin);
    const trimEnd = source[begin + 2] === "-";
    pieces.push({ kind: "text", text: trimText(plain, trim, trimEnd) });
    if (begin >= source.length) break;
    const tag = readTag(source, begin);
    if (tag.piece !== undefined) pieces.push(tag.piece);
    trim = tag.trim;
    at = tag.end;
  }
  return joinRaw(pieces.filter((it) => it.kind !== "text" || it.text !== ""));
}

function trimText(text: string, start: boolean, end: boolean): string {
  const left = start ? text.trimStart() : text;
  return end ? left.trimEnd() : left;
}

function readTag(
  source: string,
  begin: number,
): { readonly piece: Piece | undefined; readonly end: number; readonly trim: boolean } {
  const mark = source[begin + 1] ?? "";
  const close = mark === "{" ? "}}" : mark === "%" ? "%}" : "#}";
  const end = findClose(source, begin + 2, close);
  const inner = source.slice(begin + 2, end);
  const trim = inner.endsWith("-");
  if (mark === "#") return { piece: undefined, end: end + 2, trim };
  const text = inner.replace(/^[-+]/, "").replace(/[-+]$/, "");
  if (mark === "%" && text.trim() === "raw") return readRaw(source, end + 2);
  return { piece: { kind: mark === "{" ? "output" : "tag", text }, end: end + 2, trim };
}

/** What is between `{% raw %}` and `{% endraw %}` is text. */
function readRaw(
  source: string,
  begin: number,
): { readonly piece: Piece; readonly end: number; readonly trim: boolean } {
  const match = /\{%-?\s*endraw\s*(-?)%\}/.exec(source.slice(begin));
  if (match === null) throw new TemplateError("'{% raw %}' has no '{% endraw %}'");
  const piece = { kind: "text" as const, text: source.slice(begin, begin + match.index) };
  return { piece, end: begin + match.index + match[0].length, trim: match[1] === "-" };
}

/** Quoted texts and nested braces may hold what looks like the end. */
function findClose(source: string, begin: number, close: string): number {
  let depth = 0;
  for (let at = begin; at < source.length; at += 1) {
    const character = source[at] ?? "";
    if (depth === 0 && source.startsWith(close, at)) return at;
    if (close === "#}") continue;
    if (character === '"' || character === "'") at = skipQuoted(source, at);
    else if (character === "{") depth += 1;
    else if (character === "}") depth -= 1;
  }
  throw new TemplateError(`'${source.slice(begin - 2, begin + 20)}' has no '${close}'`);
}

function skipQuoted(source: string, begin: number): number {
  const quote = source[begin];
  for (let at = begin + 1; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === quote) return at;
  }
  return source.length;
}

function joinRaw(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last?.kind === "text" && piece.kind === "text") {
      joined[joined.length - 1] = { kind: "text", text: last.text + piece.text };
    } else joined.push(piece);
  }
  return joined;
}
