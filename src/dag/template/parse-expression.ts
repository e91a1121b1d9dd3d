import { TemplateError, type Arguments, type Expression, type Parameters } from "./ast.ts";
import { tokenize, type Token } from "./tokens.ts";

/** Deepest nesting of one expression. */
const depthMax = 100;

/** Binary operators by how closely they bind; those of a row bind alike. */
const levels: readonly (readonly string[])[] = [
  ["or"],
  ["and"],
  ["==", "!=", "<", "<=", ">", ">=", "in", "not in"],
  ["~"],
  ["+", "-"],
  ["*", "/", "//", "%"],
];
const comparisonLevel = 2;

/** Reads expressions one after the other from the words of a tag. */
export class ExpressionParser {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
  }

  /** @throws {TemplateError} when something is left. */
  end(): void {
    if (this.#token().kind !== "end") this.#fail();
  }

  /** A whole expression. @param choices false where `if` belongs to the tag. */
  expression(choices = true): Expression {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new TemplateError("the expression is nested too deeply");
    const value = this.#binary(0);
    this.#depth -= 1;
    if (!choices || !this.takeName("if")) return value;
    const condition = this.#binary(0);
    const no = this.takeName("else") ? this.expression() : undefined;
    return { kind: "choice", condition, yes: value, no };
  }

  /** The names that a loop or assignment sets. */
  names(): string[] {
    const names = [this.#name()];
    while (this.takeOperator(",")) names.push(this.#name());
    return names;
  }

  /** One name. @throws {TemplateError} at anything else. */
  name(): string {
    return this.#name();
  }

  /** Whether nothing is left. */
  isEnd(): boolean {
    return this.#token().kind === "end";
  }

  /** The parameters of a macro, after their parenthesis. */
  parameters(): Parameters {
    const found: Parameters[number][] = [];
    while (!this.takeOperator(")")) {
      const name = this.#name();
      found.push({ name, fallback: this.takeOperator("=") ? this.expression() : undefined });
      if (!this.takeOperator(",")) {
        this.#need(")");
        break;
      }
    }
    return found;
  }

  takeName(word: string): boolean {
    return this.#take("name", word);
  }

  takeOperator(text: string): boolean {
    return this.#take("operator", text);
  }

  #take(kind: Token["kind"], text: string): boolean {
    const token = this.#token();
    if (token.kind !== kind || token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #token(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? { kind: "end", text: "the end" };
  }

  #fail(): never {
    throw new TemplateError(`unexpected '${this.#token().text}' in '{{${this.#source}}}'`);
  }

  #need(operator: string): void {
    if (!this.takeOperator(operator)) this.#fail();
  }

  #name(): string {
    const token = this.#token();
    if (token.kind !== "name") this.#fail();
    this.#at += 1;
    return token.text;
  }

  #binary(level: number): Expression {
    const operators = levels[level];
    if (operators === undefined) return this.#power();
    if (level === comparisonLevel && this.#isNot()) {
      this.#at += 1;
      return { kind: "unary", operator: "not", of: this.#binary(level) };
    }
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = this.#operatorOf(operators);
      if (operator === undefined) return left;
      left = { kind: "binary", operator, left, right: this.#binary(level + 1) };
    }
  }

  #isNot(): boolean {
    return this.#token().kind === "name" && this.#token().text === "not";
  }

  #operatorOf(operators: readonly string[]): string | undefined {
    const token = this.#token();
    if (token.kind !== "name" && token.kind !== "operator") return undefined;
    if (token.text === "not" && this.#token(1).text === "in" && operators.includes("not in")) {
      this.#at += 2;
      return "not in";
    }
    if (!operators.includes(token.text)) return undefined;
    this.#at += 1;
    return token.text;
  }

  #power(): Expression {
    const left = this.#unary();
    if (!this.takeOperator("**")) return left;
    return { kind: "binary", operator: "**", left, right: this.#power() };
  }

  #unary(): Expression {
    for (const operator of ["-", "+"] as const) {
      if (this.takeOperator(operator)) {
        return this.#filters({ kind: "unary", operator, of: this.#postfix(this.#primary()) });
      }
    }
    return this.#filters(this.#postfix(this.#primary()));
  }

  #primary(): Expression {
    const token = this.#token();
    this.#at += 1;
    if (token.kind === "number") return { kind: "literal", value: Number(token.text) };
    if (token.kind === "text") return this.#text(token.text);
    if (token.kind === "name") return nameOrLiteral(token.text);
    if (token.text === "(") return this.#parenthesis();
    if (token.text === "[") return { kind: "list", items: this.#items("]") };
    if (token.text === "{") return this.#dict();
    this.#at -= 1;
    return this.#fail();
  }

  /** Texts that follow each other are one. */
  #text(first: string): Expression {
    let value = first;
    while (this.#token().kind === "text") {
      value += this.#token().text;
      this.#at += 1;
    }
    return { kind: "literal", value };
  }

  #parenthesis(): Expression {
    if (this.takeOperator(")")) return { kind: "list", items: [] };
    const first = this.expression();
    if (this.takeOperator(")")) return first;
    this.#need(",");
    return { kind: "list", items: [first, ...this.#items(")")] };
  }

  #items(close: string): Expression[] {
    const items: Expression[] = [];
    while (!this.takeOperator(close)) {
      items.push(this.expression());
      if (this.takeOperator(close)) break;
      this.#need(",");
    }
    return items;
  }

  #dict(): Expression {
    const entries: (readonly [Expression, Expression])[] = [];
    while (!this.takeOperator("}")) {
      const key = this.expression();
      this.#need(":");
      entries.push([key, this.expression()]);
      if (this.takeOperator("}")) break;
      this.#need(",");
    }
    return { kind: "dict", entries };
  }

  #postfix(start: Expression): Expression {
    let of = start;
    for (;;) {
      if (this.takeOperator(".")) of = this.#attribute(of);
      else if (this.takeOperator("[")) of = this.#subscript(of);
      else if (this.takeOperator("(")) of = { kind: "call", of, given: this.#arguments() };
      else return of;
    }
  }

  #attribute(of: Expression): Expression {
    const token = this.#token();
    if (token.kind === "number") {
      this.#at += 1;
      return { kind: "item", of, key: { kind: "literal", value: Number(token.text) } };
    }
    return { kind: "attribute", of, name: this.#name() };
  }

  #subscript(of: Expression): Expression {
    const parts: (Expression | undefined)[] = [];
    let colons = 0;
    while (!this.takeOperator("]")) {
      if (this.takeOperator(":")) colons += 1;
      else parts[colons] = this.expression();
      if (colons > 2 || this.#token().kind === "end") this.#fail();
    }
    const [from, to, step] = parts;
    if (colons > 0) return { kind: "slice", of, from, to, step };
    if (from === undefined) this.#fail();
    return { kind: "item", of, key: from };
  }

  #arguments(): Arguments {
    const positional: Expression[] = [];
    const named: (readonly [string, Expression])[] = [];
    while (!this.takeOperator(")")) {
      const token = this.#token();
      if (
        token.kind === "name" &&
        this.#token(1).text === "=" &&
        this.#token(1).kind === "operator"
      ) {
        this.#at += 2;
        named.push([token.text, this.expression()]);
      } else positional.push(this.expression());
      if (this.takeOperator(")")) break;
      this.#need(",");
    }
    return { positional, named };
  }

  #filters(start: Expression): Expression {
    let of = start;
    for (;;) {
      if (this.takeOperator("|")) {
        const name = this.#name();
        const given = this.takeOperator("(") ? this.#arguments() : { positional: [], named: [] };
        of = this.#postfix({ kind: "filter", of, name, given });
      } else if (this.takeName("is")) of = this.#test(of);
      else return of;
    }
  }

  #test(of: Expression): Expression {
    const negated = this.takeName("not");
    const name = this.#name();
    let given: Arguments = { positional: [], named: [] };
    if (this.takeOperator("(")) given = this.#arguments();
    else if (this.#startsOperand())
      given = { positional: [this.#postfix(this.#primary())], named: [] };
    return { kind: "test", of, name, negated, given };
  }

  /** As in `is divisibleby 3`. */
  #startsOperand(): boolean {
    const token = this.#token();
    if (token.kind === "number" || token.kind === "text") return true;
    return (
      token.kind === "name" && !["and", "or", "not", "if", "else", "is", "in"].includes(token.text)
    );
  }
}

const literals: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);

function nameOrLiteral(name: string): Expression {
  const value = literals.get(name);
  return value === undefined ? { kind: "name", name } : { kind: "literal", value };
}
