import { TemplateError, type Arguments, type Expression } from "./ast.ts";
import { filters } from "./filters.ts";
import { memberOf } from "./methods.ts";
import { operate } from "./operators.ts";
import { globals, itemAt, shorten, sliceOf, type Names } from "./scope.ts";
import { tests } from "./tests.ts";
import { isObject, isTrue, textOf, type Call, type Value } from "./values.ts";

/** Most pieces and expressions that one template may work out, loops included. */
const stepsMax = 250_000;

/** Works out the expressions of one template, a bounded number of them. */
export class Expressions {
  #steps = 0;

  /** Counts a step. @throws {TemplateError} when there were too many. */
  step(): void {
    this.#steps += 1;
    if (this.#steps > stepsMax) throw new TemplateError("the template does not come to an end");
  }

  /** @throws {TemplateError} */
  value(expression: Expression, names: Names): Value {
    this.step();
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "name":
        return this.name(expression.name, names);
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

  /** @throws {TemplateError} where there is no such name. */
  name(name: string, names: Names): Value {
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
      return this.call(callable, this.arguments(expression.given, names));
    }
    if (expression.kind === "filter") return this.#filter(expression, names);
    const isDefined = expression.name === "defined" || expression.name === "undefined";
    if (isDefined) {
      const defined = this.#optional(expression.of, names) !== undefined;
      return (expression.name === "defined" ? defined : !defined) !== expression.negated;
    }
    const test = tests.get(expression.name);
    if (test === undefined) throw new TemplateError(`there is no test '${expression.name}'`);
    const { positional } = this.arguments(expression.given, names);
    return test(this.value(expression.of, names), positional) !== expression.negated;
  }

  /** @throws {TemplateError} for what is no function. */
  call(callable: Value, call: Call): Value {
    const made = isObject(callable) ? callable.attribute("__call__") : callable;
    if (typeof made === "function") return made(call);
    throw new TemplateError(`${shorten(callable)} cannot be called`);
  }

  #filter(expression: Extract<Expression, { readonly kind: "filter" }>, names: Names): Value {
    const call = this.arguments(expression.given, names);
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

  arguments(given: Arguments, names: Names): Call {
    return {
      positional: given.positional.map((it) => this.value(it, names)),
      named: new Map(given.named.map(([name, it]) => [name, this.value(it, names)])),
    };
  }
}
