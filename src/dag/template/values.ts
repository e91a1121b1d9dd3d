import { TemplateError } from "./ast.ts";

/** Something that has attributes of its own in templates. */
export interface TemplateObject {
  /** Undefined when it has none of that name. */
  attribute(name: string): Value | undefined;
  /** What `{{ it }}` prints. */
  text(): string;
  /** For comparisons; undefined when it has no order. */
  readonly order?: number;
  /** What `+` and `-` do; undefined when they do nothing with it. */
  combine?(operator: string, other: Value, swapped: boolean): Value | undefined;
}

export type Callable = (call: Call) => Value;

/** What a function or filter is given. */
export interface Call {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** A value inside a template. Dictionaries are maps, since users choose their keys. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | TemplateObject
  | Callable;

/** A list that is printed with parentheses. */
export class Tuple extends Array<Value> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** JSON as templates see it. */
export function toValue(json: unknown): Value {
  if (Array.isArray(json)) return json.map(toValue);
  if (typeof json === "object" && json !== null) {
    return new Map(Object.entries(json).map(([name, it]) => [name, toValue(it)]));
  }
  if (typeof json === "string" || typeof json === "number" || typeof json === "boolean")
    return json;
  return null;
}

/** A value as JSON; objects as their text. */
export function toPlain(value: Value): unknown {
  if (isList(value)) return value.map(toPlain);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, it]) => [name, toPlain(it as Value)]));
  }
  return typeof value === "object" && value !== null ? textOf(value) : value;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isDict(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

export function isObject(value: Value): value is TemplateObject {
  return typeof value === "object" && value !== null && "attribute" in value;
}

/** What Python's `str` gives. */
export function textOf(value: Value): string {
  if (typeof value === "string") return value;
  if (isObject(value)) return value.text();
  return represent(value);
}

/** What Python's `repr` gives. */
export function represent(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return quote(value);
  if (typeof value === "function") return "<function>";
  if (value instanceof Tuple) return `(${value.map(represent).join(", ")})`;
  if (isList(value)) return `[${value.map(represent).join(", ")}]`;
  if (isDict(value)) {
    return `{${[...value].map(([name, it]) => `${quote(name)}: ${represent(it)}`).join(", ")}}`;
  }
  return value.text();
}

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll("\r", "\\r");
  return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

/** Whether Python takes it for true. */
export function isTrue(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === "") return false;
  if (isList(value)) return value.length > 0;
  return isDict(value) ? value.size > 0 : true;
}

export function isEqual(left: Value, right: Value): boolean {
  if (left === right) return true;
  if (typeof left === "boolean" && typeof right === "number") return Number(left) === right;
  if (typeof left === "number" && typeof right === "boolean") return left === Number(right);
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((it, at) => isEqual(it, right[at] ?? null));
  }
  if (isDict(left) && isDict(right)) {
    return (
      left.size === right.size &&
      [...left].every(([name, it]) => right.has(name) && isEqual(it, right.get(name) ?? null))
    );
  }
  if (isObject(left) && isObject(right))
    return left.order !== undefined && left.order === right.order;
  return false;
}

/** Negative, zero or positive. @throws {TemplateError} when they cannot be compared. */
export function compare(left: Value, right: Value): number {
  if (typeof left === "string" && typeof right === "string") {
    return left < right ? -1 : Number(left > right);
  }
  if (isList(left) && isList(right)) {
    for (const [at, it] of left.entries()) {
      if (at >= right.length) return 1;
      const order = compare(it, right[at] ?? null);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  }
  const [first, second] = [orderOf(left), orderOf(right)];
  if (first === undefined || second === undefined) {
    throw new TemplateError(`cannot compare ${represent(left)} with ${represent(right)}`);
  }
  return first - second;
}

function orderOf(value: Value): number | undefined {
  if (typeof value === "number" || typeof value === "boolean") return Number(value);
  return isObject(value) ? value.order : undefined;
}

/** What a loop goes over. @throws {TemplateError} */
export function itemsOf(value: Value): readonly Value[] {
  if (isList(value)) return value;
  if (typeof value === "string") return Array.from(value);
  if (isDict(value)) return [...value.keys()];
  throw new TemplateError(`cannot loop over ${represent(value)}`);
}

/** An argument by name or place; undefined when it is not given. */
export function argument(call: Call, name: string, place: number): Value | undefined {
  return call.named.get(name) ?? call.positional[place];
}

/** @throws {TemplateError} when it is not a number. */
export function numberOf(value: Value | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" || typeof value === "boolean") return Number(value);
  throw new TemplateError(`expected a number, found ${represent(value)}`);
}

/** @throws {TemplateError} when it is not a text. */
export function stringOf(value: Value | undefined, fallback?: string): string {
  if (typeof value === "string") return value;
  if (value === undefined && fallback !== undefined) return fallback;
  throw new TemplateError(`expected a text, found ${represent(value ?? null)}`);
}
