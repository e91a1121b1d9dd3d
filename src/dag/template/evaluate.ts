import { TemplateError, type Arguments, type Expression, type Node } from "./ast.ts";
import { filters } from "./filters.ts";
import { memberOf } from "./methods.ts";
import { operate } from "./operators.ts";
import { tests } from "./tests.ts";
import {
  isDict,
  isList,
  isObject,
  isTrue,
  itemsOf,
  represent,
  textOf,
  type Call,
  type Value,
} from "./values.ts";

/** Most characters that a template may become. */
export const resultLengthMax = 4_194_304;
/** Most pieces and expressions that one template may work out, loops included. */
const stepsMax = 250_000;

/** What a name stands for; undefined when it is not defined. */
export type Names = (name: string) => Value | undefined;

/** Fills in a template. @throws {TemplateError} */
export function evaluate(nodes: readonly Node[], names: Names): string {
  return new Evaluation().body(nodes, names);
}

/** What a template that is one expression stands for, as it is. @throws {TemplateError} */
export function evaluateExpression(expression: Expression, names: Names): Value {
  return new Evaluation().value(expression, names);
}

class Evaluation {
  #steps = 0;
  #length = 0;

  body(nodes: readonly Node[], outer: Names): string {
    const own = new Map<string, Value>();
    const names = within(own, outer);
    let result = "";
    for (const node of nodes) result += this.#node(node, names, own);
    return result;
  }

  #node(node: Node, names: Names, own: Map<string, Value>): string {
    this.#step();
    switch (node.kind) {
      case "text":
        return this.#emit(node.text);
      case "output":
        return this.#emit(textOf(this.value(node.expression, names)));
      case "do":
        this.value(node.expression, names);
        return "";
      case "set":
        assign(node.names, this.value(node.value, names), own);
        return "";
      case "if":
        return this.#if(node, names, own);
      case "for":
        return this.#for(node, names);
    }
  }

  #step(): void {
    this.#steps += 1;
    if (this.#steps > stepsMax) throw new TemplateError("the template does not come to an end");
  }

  #emit(text: string): string {
    this.#length += text.length;
    if (this.#length <= resultLengthMax) return text;
    throw new TemplateError(`the template becomes longer than ${resultLengthMax} characters`);
  }

  /** What is set inside a branch is seen after it. */
  #if(node: Extract<Node, { readonly kind: "if" }>, names: Names, own: Map<string, Value>): string {
    for (const { condition, body } of node.branches) {
      if (condition === undefined || isTrue(this.value(condition, names))) {
        return body.map((it) => this.#node(it, names, own)).join("");
      }
    }
    return "";
  }

  #for(node: Extract<Node, { readonly kind: "for" }>, names: Names): string {
    const scopes = itemsOf(this.value(node.over, names)).map((item) => {
      const scope = new Map<string, Value>();
      assign(node.names, item, scope);
      return scope;
    });
    const { only } = node;
    const kept = scopes.filter((scope) => {
      if (only === undefined) return true;
      return isTrue(this.value(only, within(scope, names)));
    });
    if (kept.length === 0) return this.body(node.otherwise, names);
    let result = "";
    for (const [at, scope] of kept.entries()) {
      scope.set("loop", loopOf(at, kept.length));
      result += this.body(node.body, within(scope, names));
    }
    return result;
  }

  value(expression: Expression, names: Names): Value {
    this.#step();
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "name":
        return this.#name(expression.name, names);
      case "list":
        return expression.items.map((it) => this.value(it, names));
      case "dict":
        return new Map(
          expression.entries.map(([key, it]) => [
            textOf(this.value(key, names)),
            this.value(it, names),
          ]),
        );
      case "choice":
        return this.#choice(expression, names);
      case "unary":
      case "binary":
        return this.#operation(expression, names);
      case "attribute":
      case "item":
      case "slice":
        return this.#access(expression, names);
      case "call":
      case "filter":
      case "test":
        return this.#application(expression, names);
    }
  }

  #choice(
    { condition, yes, no }: Extract<Expression, { readonly kind: "choice" }>,
    names: Names,
  ): Value {
    if (isTrue(this.value(condition, names))) return this.value(yes, names);
    return no === undefined ? "" : this.value(no, names);
  }

  #name(name: string, names: Names): Value {
    const found = names(name);
    const value = found === undefined ? globals.get(name) : found;
    if (value === undefined) throw new TemplateError(`'${name}' is undefined`);
    return value;
  }

  #operation(
    expression: Extract<Expression, { readonly kind: "unary" | "binary" }>,
    names: Names,
  ): Value {
    if (expression.kind === "unary") {
      const value = this.value(expression.of, names);
      if (expression.operator === "not") return !isTrue(value);
      return operate(expression.operator, 0, value);
    }
    const { operator } = expression;
    const left = this.value(expression.left, names);
    if (operator === "and" && !isTrue(left)) return left;
    if (operator === "or" && isTrue(left)) return left;
    const right = this.value(expression.right, names);
    return operator === "and" || operator === "or" ? right : operate(operator, left, right);
  }

  #access(
    expression: Extract<Expression, { readonly kind: "attribute" | "item" | "slice" }>,
    names: Names,
  ): Value {
    const found = this.#find(expression, names);
    if (found !== undefined) return found;
    const name = expression.kind === "attribute" ? expression.name : "that item";
    throw new TemplateError(
      `there is no '${name}' in ${shorten(this.value(expression.of, names))}`,
    );
  }

  #find(
    expression: Extract<Expression, { readonly kind: "attribute" | "item" | "slice" }>,
    names: Names,
  ): Value | undefined {
    const of = this.value(expression.of, names);
    if (expression.kind === "attribute") return memberOf(of, expression.name);
    if (expression.kind === "item") return itemAt(of, this.value(expression.key, names));
    const bounds = [expression.from, expression.to, expression.step].map((it) =>
      it === undefined ? null : this.value(it, names),
    );
    return sliceOf(of, bounds);
  }

  #application(
    expression: Extract<Expression, { readonly kind: "call" | "filter" | "test" }>,
    names: Names,
  ): Value {
    if (expression.kind === "call") {
      const callable = this.value(expression.of, names);
      const made = isObject(callable) ? callable.attribute("__call__") : callable;
      if (typeof made === "function") return made(this.#arguments(expression.given, names));
      throw new TemplateError(`${shorten(callable)} cannot be called`);
    }
    if (expression.kind === "filter") return this.#filter(expression, names);
    const isDefined = expression.name === "defined" || expression.name === "undefined";
    if (isDefined) {
      const defined = this.#optional(expression.of, names) !== undefined;
      return (expression.name === "defined" ? defined : !defined) !== expression.negated;
    }
    const test = tests.get(expression.name);
    if (test === undefined) throw new TemplateError(`there is no test '${expression.name}'`);
    const { positional } = this.#arguments(expression.given, names);
    return test(this.value(expression.of, names), positional) !== expression.negated;
  }

  #filter(expression: Extract<Expression, { readonly kind: "filter" }>, names: Names): Value {
    const call = this.#arguments(expression.given, names);
    if (expression.name === "default" || expression.name === "d") {
      const value = this.#optional(expression.of, names);
      const falsy = isTrue(call.named.get("boolean") ?? call.positional[1] ?? false);
      const fallback = call.named.get("default_value") ?? call.positional[0] ?? "";
      return value === undefined || (falsy && !isTrue(value)) ? fallback : value;
    }
    const filter = filters.get(expression.name);
    if (filter === undefined) throw new TemplateError(`there is no filter '${expression.name}'`);
    return filter(this.value(expression.of, names), call);
  }

  /** Undefined where a name or the last part of an access is not defined. */
  #optional(expression: Expression, names: Names): Value | undefined {
    if (expression.kind === "name") {
      const found = names(expression.name);
      return found === undefined ? globals.get(expression.name) : found;
    }
    if (expression.kind !== "attribute" && expression.kind !== "item") {
      return this.value(expression, names);
    }
    const of = this.#optional(expression.of, names);
    if (of === undefined) return undefined;
    if (expression.kind === "attribute") return memberOf(of, expression.name);
    return itemAt(of, this.value(expression.key, names));
  }

  #arguments(given: Arguments, names: Names): Call {
    return {
      positional: given.positional.map((it) => this.value(it, names)),
      named: new Map(given.named.map(([name, it]) => [name, this.value(it, names)])),
    };
  }
}

/** The names of a scope, then those around it. */
function within(scope: ReadonlyMap<string, Value>, outer: Names): Names {
  return (name) => (scope.has(name) ? scope.get(name) : outer(name));
}

/** Names that every template knows. */
const globals: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["range", ({ positional }) => range(positional.map(Number))],
  ["dict", ({ named }) => new Map(named)],
]);

const rangeMax = 100_000;

function range(bounds: readonly number[]): Value {
  const [from = 0, to = 0, step = 1] = bounds.length === 1 ? [0, bounds[0]] : bounds;
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (count > rangeMax) throw new TemplateError(`a range may have at most ${rangeMax} numbers`);
  return Array.from({ length: count }, (_, at) => from + at * step);
}

function assign(names: readonly string[], value: Value, to: Map<string, Value>): void {
  const [only] = names;
  if (names.length === 1 && only !== undefined) {
    to.set(only, value);
    return;
  }
  const items = itemsOf(value);
  if (items.length !== names.length) {
    throw new TemplateError(`${names.join(", ")} cannot take ${shorten(value)} apart`);
  }
  for (const [at, name] of names.entries()) to.set(name, items[at] ?? null);
}

function loopOf(at: number, length: number): Value {
  return new Map<string, Value>([
    ["index", at + 1],
    ["index0", at],
    ["first", at === 0],
    ["last", at === length - 1],
    ["length", length],
    ["revindex", length - at],
    ["revindex0", length - at - 1],
  ]);
}

function itemAt(of: Value, key: Value): Value | undefined {
  if (isDict(of)) return memberOf(of, textOf(key));
  if (typeof key === "string") return memberOf(of, key);
  if (typeof key !== "number") return undefined;
  if (isList(of)) return of.at(key);
  return typeof of === "string" ? of.at(key) : undefined;
}

function sliceOf(of: Value, bounds: readonly (Value | undefined)[]): Value | undefined {
  if (!isList(of) && typeof of !== "string") return undefined;
  const [from, to, step] = bounds.map((it) => (typeof it === "number" ? it : undefined));
  const items = typeof of === "string" ? Array.from(of) : of;
  const stride = step ?? 1;
  if (stride === 0) throw new TemplateError("a slice cannot have a step of 0");
  const forwards = stride > 0 ? items : [...items].reverse();
  const place = (at: number | undefined): number | undefined => {
    if (at === undefined || stride > 0) return at;
    return at < 0 ? -at - 1 : Math.max(0, items.length - 1 - at);
  };
  const picked = forwards
    .slice(place(from), place(to))
    .filter((_, at) => at % Math.abs(stride) === 0);
  return typeof of === "string" ? picked.map(textOf).join("") : picked;
}

function shorten(value: Value): string {
  const text = represent(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
