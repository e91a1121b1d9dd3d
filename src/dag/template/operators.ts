import { TemplateError } from "./ast.ts";
import {
  compare,
  isDict,
  isEqual,
  isList,
  isObject,
  represent,
  textOf,
  type Value,
} from "./values.ts";

/** Longest text or list that `*` makes. */
const repeatedMax = 1_000_000;

/** What Python's operator gives. @throws {TemplateError} when it does not take these values. */
export function operate(operator: string, left: Value, right: Value): Value {
  const simple = operators.get(operator)?.(left, right);
  if (simple !== undefined) return simple;
  if (isObject(left)) {
    const combined = left.combine?.(operator, right, false);
    if (combined !== undefined) return combined;
  }
  if (isObject(right)) {
    const combined = right.combine?.(operator, left, true);
    if (combined !== undefined) return combined;
  }
  throw new TemplateError(`cannot work out ${represent(left)} ${operator} ${represent(right)}`);
}

type Operator = (left: Value, right: Value) => Value | undefined;

function arithmetic(act: (left: number, right: number) => number): Operator {
  return (left, right) => {
    const numeric = (it: Value): it is number | boolean =>
      typeof it === "number" || typeof it === "boolean";
    return numeric(left) && numeric(right) ? act(Number(left), Number(right)) : undefined;
  };
}

function nonZero(value: number): number {
  if (value === 0) throw new TemplateError("division by zero");
  return value;
}

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["==", isEqual],
  ["!=", (left, right) => !isEqual(left, right)],
  ["<", (left, right) => compare(left, right) < 0],
  ["<=", (left, right) => compare(left, right) <= 0],
  [">", (left, right) => compare(left, right) > 0],
  [">=", (left, right) => compare(left, right) >= 0],
  ["in", (left, right) => contains(right, left)],
  ["not in", (left, right) => !contains(right, left)],
  ["~", (left, right) => textOf(left) + textOf(right)],
  ["+", add],
  ["-", arithmetic((left, right) => left - right)],
  ["*", multiply],
  ["/", arithmetic((left, right) => left / nonZero(right))],
  ["//", arithmetic((left, right) => Math.floor(left / nonZero(right)))],
  ["%", arithmetic((left, right) => left - right * Math.floor(left / nonZero(right)))],
  ["**", arithmetic((left, right) => left ** right)],
]);

function add(left: Value, right: Value): Value | undefined {
  if (typeof left === "string" && typeof right === "string") return left + right;
  if (isList(left) && isList(right)) return [...left, ...right];
  return arithmetic((first, second) => first + second)(left, right);
}

function multiply(left: Value, right: Value): Value | undefined {
  if (typeof right === "number" && (typeof left === "string" || isList(left))) {
    if (left.length * right > repeatedMax) throw new TemplateError("the product is too long");
    const times = Math.max(0, right);
    if (typeof left === "string") return left.repeat(times);
    return Array.from({ length: times }, () => left).flat();
  }
  return arithmetic((first, second) => first * second)(left, right);
}

/** @throws {TemplateError} when it holds nothing. */
export function contains(holder: Value, it: Value): boolean {
  if (typeof holder === "string") return typeof it === "string" && holder.includes(it);
  if (isList(holder)) return holder.some((one) => isEqual(one, it));
  if (isDict(holder)) return typeof it === "string" && holder.has(it);
  throw new TemplateError(`nothing can be in ${represent(holder)}`);
}
