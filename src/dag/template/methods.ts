import { TemplateError } from "./ast.ts";
import {
  argument,
  isDict,
  isList,
  isObject,
  itemsOf,
  numberOf,
  stringOf,
  textOf,
  Tuple,
  type Call,
  type Value,
} from "./values.ts";

/** An entry or method of a value; undefined when it has none of that name. */
export function memberOf(value: Value, name: string): Value | undefined {
  if (isDict(value)) {
    return value.has(name) ? value.get(name) : bind(dictMethods.get(name), value);
  }
  if (isObject(value)) return value.attribute(name);
  if (typeof value === "string") return bind(textMethods.get(name), value);
  if (isList(value)) return bind(listMethods.get(name), value);
  return undefined;
}

type Method<T> = (value: T, call: Call) => Value;

function bind<T>(method: Method<T> | undefined, value: T): Value | undefined {
  return method === undefined ? undefined : (call) => method(value, call);
}

const dictMethods: ReadonlyMap<string, Method<ReadonlyMap<string, Value>>> = new Map<
  string,
  Method<ReadonlyMap<string, Value>>
>([
  ["get", (it, call) => it.get(textOf(call.positional[0] ?? null)) ?? call.positional[1] ?? null],
  ["keys", (it) => [...it.keys()]],
  ["values", (it) => [...it.values()]],
  ["items", (it) => [...it].map((entry) => Tuple.from(entry))],
]);

const listMethods: ReadonlyMap<string, Method<readonly Value[]>> = new Map<
  string,
  Method<readonly Value[]>
>([
  ["count", (it, call) => it.filter((one) => one === call.positional[0]).length],
  ["index", (it, call) => it.indexOf(call.positional[0] ?? null)],
]);

function trimmed(text: string, call: Call, side: "both" | "start" | "end"): string {
  const characters = call.positional[0];
  if (characters === undefined || characters === null) {
    if (side === "start") return text.trimStart();
    return side === "end" ? text.trimEnd() : text.trim();
  }
  const drop = new Set(stringOf(characters));
  let [from, to] = [0, text.length];
  while (side !== "end" && from < to && drop.has(text[from] ?? "")) from += 1;
  while (side !== "start" && to > from && drop.has(text[to - 1] ?? "")) to -= 1;
  return text.slice(from, to);
}

function split(text: string, call: Call): string[] {
  const separator = argument(call, "sep", 0);
  const most = numberOf(argument(call, "maxsplit", 1), -1);
  if (separator === undefined || separator === null) {
    return text.split(/\s+/).filter((it) => it !== "");
  }
  const parts = text.split(stringOf(separator));
  if (most < 0 || parts.length <= most + 1) return parts;
  return [...parts.slice(0, most), parts.slice(most).join(stringOf(separator))];
}

function affix(call: Call, holds: (text: string) => boolean): boolean {
  const given = call.positional[0] ?? "";
  return isList(given) ? given.some((it) => holds(stringOf(it))) : holds(stringOf(given));
}

function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
}

function pad(text: string, call: Call, side: "start" | "end"): string {
  const width = numberOf(call.positional[0], 0);
  if (width > 10_000) throw new TemplateError("the text becomes too long");
  const fill = stringOf(call.positional[1], " ");
  return side === "start" ? text.padStart(width, fill) : text.padEnd(width, fill);
}

function replace(text: string, call: Call): string {
  const [from, to] = [stringOf(call.positional[0]), stringOf(call.positional[1])];
  const most = numberOf(call.positional[2], -1);
  if (most < 0) return text.replaceAll(from, () => to);
  const parts = text.split(from);
  if (parts.length <= most + 1) return parts.join(to);
  return [...parts.slice(0, most), parts.slice(most).join(from)].join(to);
}

/** `{}` and `{0}` and `{name}`, without the small language after a colon. */
function format(text: string, call: Call): string {
  let next = 0;
  return text.replaceAll(/\{(\w*)\}/g, (_, name: string) => {
    const place = name === "" ? next : Number(name);
    next += 1;
    const value = Number.isNaN(place) ? call.named.get(name) : call.positional[place];
    if (value === undefined) throw new TemplateError(`format: nothing is given for '{${name}}'`);
    return textOf(value);
  });
}

const textMethods: ReadonlyMap<string, Method<string>> = new Map<string, Method<string>>([
  ["upper", (it) => it.toUpperCase()],
  ["lower", (it) => it.toLowerCase()],
  ["capitalize", capitalize],
  ["title", (it) => it.replaceAll(/[\p{L}]+/gu, capitalize)],
  ["strip", (it, call) => trimmed(it, call, "both")],
  ["lstrip", (it, call) => trimmed(it, call, "start")],
  ["rstrip", (it, call) => trimmed(it, call, "end")],
  ["split", split],
  ["splitlines", (it) => it.split(/\r\n|\r|\n/)],
  [
    "join",
    (it, call) =>
      itemsOf(call.positional[0] ?? [])
        .map((one) => stringOf(one))
        .join(it),
  ],
  ["replace", replace],
  ["startswith", (it, call) => affix(call, (one) => it.startsWith(one))],
  ["endswith", (it, call) => affix(call, (one) => it.endsWith(one))],
  ["find", (it, call) => it.indexOf(stringOf(call.positional[0]))],
  ["count", (it, call) => it.split(stringOf(call.positional[0])).length - 1],
  ["zfill", (it, call) => it.padStart(Math.min(10_000, numberOf(call.positional[0], 0)), "0")],
  ["ljust", (it, call) => pad(it, call, "end")],
  ["rjust", (it, call) => pad(it, call, "start")],
  ["isdigit", (it) => /^\d+$/.test(it)],
  ["format", format],
]);
