import { formatPrintf } from "./printf.ts";
import { TemplateError } from "./syntax.ts";
import { isFields, isTrue, jsonOf, showValue } from "./values.ts";

export type TemplateFunction = (...values: readonly unknown[]) => unknown;

/** Fields, list items and characters by their names and numbers, one after the other. */
function index(value: unknown, ...keys: readonly unknown[]): unknown {
  return keys.reduce((found, key) => {
    if (isFields(found)) return Object.hasOwn(found, String(key)) ? found[String(key)] : "";
    if (!Array.isArray(found)) throw new TemplateError(`error calling index: ${kindOf(found)}`);
    if (typeof key === "number" && key >= 0 && key < found.length) return found[key] as unknown;
    throw new TemplateError(`error calling index: index out of range: ${showValue(key)}`);
  }, value);
}

function kindOf(value: unknown): string {
  return value === undefined || value === null
    ? "index of untyped nil"
    : `can't index item of type ${typeof value}`;
}

function slice(value: unknown, from: unknown = 0, to?: unknown): unknown {
  const [first, last] = [Number(from), to === undefined ? undefined : Number(to)];
  if (typeof value === "string" || Array.isArray(value)) return value.slice(first, last);
  throw new TemplateError(`error calling slice: can't slice item of type ${typeof value}`);
}

function len(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isFields(value)) return Object.keys(value).length;
  throw new TemplateError(`error calling len: len of type ${typeof value}`);
}

/** Numbers in their order, texts in theirs. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : Number(a > b);
  throw new TemplateError("error calling lt: incompatible types for comparison");
}

function join(value: unknown, separator: unknown): string {
  const items = isFields(value) ? Object.values(value).map(showValue).toSorted() : value;
  if (value === undefined || value === null) return "";
  if (!Array.isArray(items)) {
    throw new TemplateError(`error calling join: expected slice, got ${typeof value}`);
  }
  return items.map(showValue).join(text(separator));
}

function text(value: unknown): string {
  return showValue(value);
}

/** The place of the first that is so, else of the last. */
function firstOr(all: readonly unknown[], isSo: (it: unknown) => boolean): number {
  const at = all.findIndex(isSo);
  return at < 0 ? all.length - 1 : at;
}

/** As fmt.Sprint: a blank between two that are no texts. */
function print(...values: readonly unknown[]): string {
  return values.reduce<string>((all, it, at) => {
    const needsBlank = at > 0 && typeof it !== "string" && typeof values[at - 1] !== "string";
    return `${all}${needsBlank ? " " : ""}${text(it)}`;
  }, "");
}

const entities: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&#34;",
  "'": "&#39;",
};

/** Those of text/template, and those that Docker's templates have beside them. */
export const templateFunctions: Readonly<Record<string, TemplateFunction | undefined>> = {
  and: (...all) => all[firstOr(all, (it) => !isTrue(it))],
  or: (...all) => all[firstOr(all, isTrue)],
  not: (value) => !isTrue(value),
  eq: (value, ...others) => others.includes(value),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  index,
  slice,
  len,
  print,
  println: (...values) => `${values.map(text).join(" ")}\n`,
  printf: (format, ...values) => formatPrintf(text(format), values),
  html: (...values) => print(...values).replaceAll(/[<>&"']/g, (it) => entities[it] ?? it),
  urlquery: (...values) => encodeURIComponent(print(...values)).replaceAll("%20", "+"),
  json: jsonOf,
  split: (value, separator) => text(value).split(text(separator)),
  join,
  title: (value) => text(value).replaceAll(/\b[a-z]/g, (it) => it.toUpperCase()),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad: (value, before, after) =>
    value === "" ? "" : " ".repeat(Number(before)) + text(value) + " ".repeat(Number(after)),
  truncate: (value, length) => text(value).slice(0, Number(length)),
};

function same(value: unknown): unknown {
  return value;
}

/** For the head of a table: titles stay what they are. */
export const headFunctions: typeof templateFunctions = {
  ...templateFunctions,
  json: same,
  split: same,
  join: same,
  title: same,
  lower: same,
  upper: same,
  truncate: same,
};
