import { bodyName, TemplateError, type Expression, type Node } from "./ast.ts";
import { ExpressionParser } from "./parse-expression.ts";
import { splitTemplate, type Piece } from "./tokens.ts";

/** Deepest nesting of blocks. */
const depthMax = 50;

/** Reads a template. @throws {TemplateError} */
export function parseTemplate(template: string): readonly Node[] {
  const parser = new TemplateParser(splitTemplate(template));
  const nodes = parser.body([]);
  return nodes.nodes;
}

interface Body {
  readonly nodes: readonly Node[];
  /** The tag that ended it; undefined at the end of the template. */
  readonly closedBy: { readonly word: string; readonly rest: string } | undefined;
}

class TemplateParser {
  readonly #pieces: readonly Piece[];
  readonly #blocks = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Reads up to one of the tags. */
  body(closing: readonly string[]): Body {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new TemplateError("the template is nested too deeply");
    const nodes: Node[] = [];
    let closedBy: Body["closedBy"];
    while (this.#at < this.#pieces.length && closedBy === undefined) {
      const piece = this.#pieces[this.#at];
      this.#at += 1;
      if (piece === undefined) break;
      if (piece.kind === "text") nodes.push({ kind: "text", text: piece.text });
      else if (piece.kind === "output")
        nodes.push({ kind: "output", expression: whole(piece.text) });
      else {
        const { word, rest } = splitTag(piece.text);
        if (closing.includes(word)) closedBy = { word, rest };
        else nodes.push(this.#tag(word, rest));
      }
    }
    this.#depth -= 1;
    if (closedBy === undefined && closing.length > 0) {
      throw new TemplateError(`'{% ${closing.at(-1) ?? ""} %}' is missing`);
    }
    return { nodes, closedBy };
  }

  #tag(word: string, rest: string): Node {
    const simple = simpleTags.get(word);
    if (simple !== undefined) return simple(rest);
    switch (word) {
      case "if":
        return this.#if(rest);
      case "for":
        return this.#for(rest);
      case "set":
        return this.#set(rest);
      case "with":
        return this.#with(rest);
      case "filter": {
        const value = whole(`${bodyName} | ${rest}`);
        return { kind: "filter_block", value, body: this.body(["endfilter"]).nodes };
      }
      case "macro":
        return this.#macro(rest);
      case "call":
        return this.#call(rest);
      case "block":
        return this.#block(rest);
      default:
        throw new TemplateError(`unknown tag '{% ${word} %}'`);
    }
  }

  /** `{% set a = 1 %}`, `{% set of.name = 1 %}`, or with a body: `{% set a | upper %}…{% endset %}`. */
  #set(rest: string): Node {
    const parser = new ExpressionParser(rest);
    const names = parser.names();
    const [first = ""] = names;
    const attribute = names.length === 1 && parser.takeOperator(".") ? parser.name() : undefined;
    if (parser.takeOperator("=")) {
      const value = parser.expression();
      parser.end();
      if (attribute === undefined) return { kind: "set", names, value };
      return { kind: "set_attribute", of: first, name: attribute, value };
    }
    const filters = /^\s*\w+\s*(\|.*)?$/s.exec(rest)?.[1];
    if (names.length > 1 || attribute !== undefined || (filters === undefined && !parser.isEnd())) {
      throw new TemplateError(`expected '=' in '{% set${rest}%}'`);
    }
    const value = whole(`${bodyName} ${filters ?? ""}`);
    return { kind: "set_block", name: first, value, body: this.body(["endset"]).nodes };
  }

  #with(rest: string): Node {
    const parser = new ExpressionParser(rest);
    const values: (readonly [string, Expression])[] = [];
    while (!parser.isEnd()) {
      const name = parser.name();
      if (!parser.takeOperator("=")) throw new TemplateError(`expected '=' in '{% with${rest}%}'`);
      values.push([name, parser.expression()]);
      if (!parser.takeOperator(",")) parser.end();
    }
    return { kind: "with", values, body: this.body(["endwith"]).nodes };
  }

  #macro(rest: string): Node {
    const parser = new ExpressionParser(rest);
    const name = parser.name();
    if (!parser.takeOperator("(")) throw new TemplateError(`expected '(' in '{% macro${rest}%}'`);
    const parameters = parser.parameters();
    parser.end();
    return { kind: "macro", name, parameters, body: this.body(["endmacro"]).nodes };
  }

  #call(rest: string): Node {
    const parser = new ExpressionParser(rest);
    const parameters = parser.takeOperator("(") ? parser.parameters() : [];
    const call = parser.expression();
    parser.end();
    if (call.kind !== "call") throw new TemplateError(`'{% call${rest}%}' calls nothing`);
    return { kind: "call_block", call, parameters, body: this.body(["endcall"]).nodes };
  }

  #block(rest: string): Node {
    const parser = new ExpressionParser(rest);
    const name = parser.name();
    if (this.#blocks.has(name)) throw new TemplateError(`the block '${name}' is there twice`);
    this.#blocks.add(name);
    let [scoped, required] = [false, false];
    while (!parser.isEnd()) {
      if (parser.takeName("scoped")) scoped = true;
      else if (parser.takeName("required")) required = true;
      else parser.end();
    }
    const { nodes, closedBy } = this.body(["endblock"]);
    const closed = closedBy?.rest.trim() ?? "";
    if (closed !== "" && closed !== name) {
      throw new TemplateError(`'{% endblock ${closed} %}' ends the block '${name}'`);
    }
    return { kind: "block", name, scoped, required, body: nodes };
  }

  #if(first: string): Node {
    const branches: {
      readonly condition: Expression | undefined;
      readonly body: readonly Node[];
    }[] = [];
    let condition: Expression | undefined = whole(first);
    for (;;) {
      const open: boolean = condition !== undefined;
      const closing: readonly string[] = open ? ["elif", "else", "endif"] : ["endif"];
      const { nodes, closedBy } = this.body(closing);
      branches.push({ condition, body: nodes });
      if (closedBy?.word === "endif" || closedBy === undefined) return { kind: "if", branches };
      condition = closedBy.word === "elif" ? whole(closedBy.rest) : undefined;
    }
  }

  #for(rest: string): Node {
    const parser = new ExpressionParser(rest);
    const names = parser.names();
    if (!parser.takeName("in")) throw new TemplateError(`expected 'in' in '{% for${rest}%}'`);
    const over = parser.expression(false);
    const only = parser.takeName("if") ? parser.expression() : undefined;
    parser.end();
    const { nodes, closedBy } = this.body(["else", "endfor"]);
    const otherwise = closedBy?.word === "else" ? this.body(["endfor"]).nodes : [];
    return { kind: "for", names, over, only, body: nodes, otherwise };
  }
}

/** Tags without a body. */
const simpleTags: ReadonlyMap<string, (rest: string) => Node> = new Map([
  ["do", (rest: string): Node => ({ kind: "do", expression: whole(rest) })],
  ["extends", (rest: string): Node => ({ kind: "extends", parent: whole(rest) })],
  ["include", include],
  ["import", importAll],
  ["from", importNames],
]);

/** `{% include "a.sql" ignore missing without context %}` */
function include(rest: string): Node {
  const parser = new ExpressionParser(rest);
  const of = parser.expression();
  const ignoreMissing = parser.takeName("ignore");
  if (ignoreMissing && !parser.takeName("missing")) parser.name();
  const withContext = takesContext(parser) ?? true;
  parser.end();
  return { kind: "include", of, ignoreMissing, withContext };
}

/** `{% import "a.sql" as a %}` */
function importAll(rest: string): Node {
  const parser = new ExpressionParser(rest);
  const of = parser.expression();
  if (!parser.takeName("as")) throw new TemplateError(`expected 'as' in '{% import${rest}%}'`);
  const as = parser.name();
  const withContext = takesContext(parser) ?? false;
  parser.end();
  return { kind: "import", of, as, names: [], withContext };
}

/** `{% from "a.sql" import one, two as other %}` */
function importNames(rest: string): Node {
  const parser = new ExpressionParser(rest);
  const of = parser.expression();
  if (!parser.takeName("import")) {
    throw new TemplateError(`expected 'import' in '{% from${rest}%}'`);
  }
  const names: (readonly [string, string])[] = [];
  let withContext: boolean | undefined;
  do {
    withContext = takesContext(parser);
    if (withContext !== undefined || parser.isEnd()) break;
    const name = parser.name();
    names.push([name, parser.takeName("as") ? parser.name() : name]);
    withContext = takesContext(parser);
  } while (parser.takeOperator(","));
  parser.end();
  return { kind: "import", of, as: undefined, names, withContext: withContext ?? false };
}

/** `with context` or `without context`; undefined when neither is said. */
function takesContext(parser: ExpressionParser): boolean | undefined {
  const has = parser.takeName("with");
  if (!has && !parser.takeName("without")) return undefined;
  if (!parser.takeName("context")) parser.end();
  return has;
}

function splitTag(text: string): { readonly word: string; readonly rest: string } {
  const [, word = "", rest = ""] = /^\s*(\w+)(.*)$/s.exec(text) ?? [];
  return { word, rest };
}

function whole(source: string): Expression {
  const parser = new ExpressionParser(source);
  const expression = parser.expression();
  parser.end();
  return expression;
}
