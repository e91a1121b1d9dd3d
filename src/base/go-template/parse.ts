import { TemplateError, type Branch, type Node, type Operand, type Pipe } from "./syntax.ts";
import { splitTemplate, tokensOf, type Piece, type Token } from "./tokens.ts";

/** Blocks and brackets within each other. */
const depthMax = 100;

/** Parses a template. @throws {TemplateError} for what Go refuses, and for `define` and its like. */
export function parseTemplate(template: string): readonly Node[] {
  const reader = { pieces: splitTemplate(template), at: 0 };
  const { nodes, end } = parseNodes(reader, 0);
  if (end !== undefined) throw new TemplateError(`template: unexpected {{${end}}}`);
  return nodes;
}

interface Reader {
  readonly pieces: readonly Piece[];
  at: number;
}

/** Nodes up to an `else` or `end`, which is given with them; undefined at the template's end. */
function parseNodes(
  reader: Reader,
  depth: number,
): { readonly nodes: readonly Node[]; readonly end: string | undefined } {
  if (depth > depthMax) throw new TemplateError("template: more than 100 blocks within each other");
  const nodes: Node[] = [];
  for (;;) {
    const piece = reader.pieces[reader.at++];
    if (piece === undefined) return { nodes, end: undefined };
    if (piece.kind === "text") {
      if (piece.text !== "") nodes.push(piece as Node);
      continue;
    }
    const [, word = "", rest = ""] = /^([a-z]+)\b\s*(.*)$/s.exec(piece.text) ?? [];
    if (word === "end" || word === "else") return { nodes, end: piece.text };
    nodes.push(nodeOf(reader, piece.text, { word, rest }, depth));
  }
}

function nodeOf(
  reader: Reader,
  text: string,
  { word, rest }: { readonly word: string; readonly rest: string },
  depth: number,
): Node {
  switch (word) {
    case "if":
    case "with":
    case "range":
      return parseBranch(reader, word, rest, depth + 1);
    case "break":
    case "continue":
      return { kind: word };
    case "define":
    case "template":
    case "block":
      throw new TemplateError(`template: {{${word}}} is not supported`);
    default:
      return { kind: "action", pipe: parsePipe(text) };
  }
}

function parseBranch(reader: Reader, kind: Branch["kind"], text: string, depth: number): Branch {
  const pipe = parsePipe(text);
  const { nodes: body, end } = parseNodes(reader, depth);
  if (end === undefined) throw new TemplateError(`template: {{${kind} ${text}}} has no {{end}}`);
  const [, otherIf, more = ""] = /^else\s+(if|with)\b\s*(.*)$/s.exec(end) ?? [];
  if (otherIf !== undefined) {
    const inner = parseBranch(reader, otherIf as "if" | "with", more, depth + 1);
    return { kind, pipe, body, otherwise: [inner] };
  }
  if (end !== "else") return { kind, pipe, body, otherwise: [] };
  const other = parseNodes(reader, depth);
  if (other.end !== "end") throw new TemplateError(`template: {{${kind} ${text}}} has no {{end}}`);
  return { kind, pipe, body, otherwise: other.nodes };
}

/** @throws {TemplateError} */
function parsePipe(text: string): Pipe {
  const reader = { tokens: tokensOf(text), at: 0, text };
  const pipe = readPipe(reader, 0);
  if (reader.at < reader.tokens.length)
    throw new TemplateError(`template: unexpected ")": ${text}`);
  return pipe;
}

interface TokenReader {
  readonly tokens: readonly Token[];
  at: number;
  readonly text: string;
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === "mark" && token.mark === mark;
}

/** Up to its end, or to a bracket that was opened before. */
function readPipe(reader: TokenReader, depth: number): Pipe {
  if (depth > depthMax) throw new TemplateError("template: more than 100 brackets");
  const declared = readVariables(reader);
  const commands: Operand[][] = [[]];
  for (;;) {
    const token = reader.tokens[reader.at];
    if (token === undefined || isMark(token, ")")) break;
    reader.at++;
    if (isMark(token, "|")) commands.push([]);
    else commands.at(-1)?.push(operandOf(reader, token, depth));
  }
  if (commands.some((it) => it.length === 0)) {
    throw new TemplateError(`template: missing value for command: {{${reader.text}}}`);
  }
  return { ...declared, commands, text: reader.text };
}

function readVariables(reader: TokenReader): Pick<Pipe, "variables" | "isAssignment"> {
  const names: string[] = [];
  let { at } = reader;
  for (;;) {
    const token = reader.tokens[at];
    if (token?.kind !== "variable" || token.names.length > 0) break;
    names.push(token.name);
    at++;
    if (!isMark(reader.tokens[at], ",")) break;
    at++;
  }
  const isAssignment = isMark(reader.tokens[at], "=");
  if (names.length === 0 || (!isAssignment && !isMark(reader.tokens[at], ":="))) {
    return { variables: [], isAssignment: false };
  }
  reader.at = at + 1;
  return { variables: names, isAssignment };
}

function operandOf(reader: TokenReader, token: Token, depth: number): Operand {
  switch (token.kind) {
    case "literal":
      return token;
    case "word":
      return { kind: "function", name: token.name };
    case "fields":
      return { kind: "dot", fields: token.names };
    case "variable":
      return { kind: "variable", name: token.name, fields: token.names };
    case "mark":
      break;
  }
  if (token.mark !== "(") {
    throw new TemplateError(`template: unexpected "${token.mark}" in {{${reader.text}}}`);
  }
  const pipe = readPipe(reader, depth + 1);
  if (!isMark(reader.tokens[reader.at++], ")")) {
    throw new TemplateError(`template: unclosed left paren in {{${reader.text}}}`);
  }
  const next = reader.tokens[reader.at];
  if (next?.kind !== "fields" || !next.isGlued) return { kind: "pipe", pipe, fields: [] };
  reader.at++;
  return { kind: "pipe", pipe, fields: next.names };
}
