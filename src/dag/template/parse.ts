import { TemplateError, type Expression, type Node } from "./ast.ts";
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
    switch (word) {
      case "if":
        return this.#if(rest);
      case "for":
        return this.#for(rest);
      case "do":
        return { kind: "do", expression: whole(rest) };
      case "set":
        return set(rest);
      default:
        throw new TemplateError(`unknown tag '{% ${word} %}'`);
    }
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

function set(rest: string): Node {
  const parser = new ExpressionParser(rest);
  const names = parser.names();
  if (!parser.takeOperator("=")) throw new TemplateError(`expected '=' in '{% set${rest}%}'`);
  const value = parser.expression();
  parser.end();
  return { kind: "set", names, value };
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
