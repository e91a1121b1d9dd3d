import { TemplateError } from "./ast.ts";
import { DateTime } from "./date-time.ts";
import { memberOf } from "./methods.ts";
import { operate } from "./operators.ts";
import {
  argument,
  compare,
  isDict,
  isEqual,
  isList,
  isTrue,
  itemsOf,
  numberOf,
  stringOf,
  textOf,
  toPlain,
  toValue,
  Tuple,
  type Call,
  type Value,
} from "./values.ts";

type Filter = (value: Value, call: Call) => Value;

function callMethod(name: string): Filter {
  return (value, call) => {
    const method = memberOf(textOf(value), name);
    if (typeof method !== "function") throw new TemplateError(`there is no filter '${name}'`);
    return method(call);
  };
}

/** A filter of Airflow on dates; nothing stays nothing. */
function onDate(format: (date: DateTime) => string): Filter {
  return (value) => {
    if (value === null) return null;
    if (value instanceof DateTime) return format(value);
    throw new TemplateError("expected a date");
  };
}

/** As Python's `json.dumps`, which has blanks after commas and colons. */
export function dumpJson(value: Value, indent?: number): string {
  if (indent !== undefined) return JSON.stringify(toPlain(value), undefined, indent);
  return spaced(toPlain(value));
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(
      ([name, it]) => `${JSON.stringify(name)}: ${spaced(it)}`,
    );
    return `{${entries.join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** As Jinja's: keys in order, and nothing that could end a script in a page. */
function toJson(value: Value, call: Call): Value {
  const indent = call.named.get("indent");
  const text = dumpJson(sortKeys(value), indent === undefined ? undefined : numberOf(indent, 2));
  return text.replaceAll(/[<>&']/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function sortKeys(value: Value): Value {
  if (isList(value)) return value.map(sortKeys);
  if (!isDict(value)) return value;
  const entries = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(entries.map(([name, it]) => [name, sortKeys(it)]));
}

/** What `attribute="a.b"` names in each item; the item itself without it. */
function keyOf(call: Call, place: number): (item: Value) => Value {
  const path = argument(call, "attribute", place);
  if (path === undefined || path === null) return (item) => item;
  const steps = textOf(path).split(".");
  return (item) => {
    let at: Value = item;
    for (const step of steps)
      at = memberOf(at, step) ?? (isList(at) ? (at[Number(step)] ?? null) : null);
    return at;
  };
}

function sorted(value: Value, call: Call): Value {
  const key = keyOf(call, 2);
  const fold = (it: Value): Value => (typeof it === "string" ? it.toLowerCase() : it);
  const items = [...itemsOf(value)].sort((a, b) => compare(fold(key(a)), fold(key(b))));
  return isTrue(argument(call, "reverse", 0) ?? false) ? items.reverse() : items;
}

function unique(value: Value): Value {
  const found: Value[] = [];
  for (const it of itemsOf(value)) if (!found.some((one) => isEqual(one, it))) found.push(it);
  return found;
}

function extreme(sign: number): Filter {
  return (value) => {
    const items = [...itemsOf(value)];
    return items.reduce((best, it) => (compare(it, best) * sign > 0 ? it : best), items[0] ?? "");
  };
}

/** Halves go to the even neighbour, as in Python. */
function round(value: Value, call: Call): Value {
  const places = numberOf(argument(call, "precision", 0), 0);
  const method = stringOf(argument(call, "method", 1), "common");
  const scaled = numberOf(value, 0) * 10 ** places;
  if (method === "ceil") return Math.ceil(scaled) / 10 ** places;
  if (method === "floor") return Math.floor(scaled) / 10 ** places;
  const floor = Math.floor(scaled);
  const half = scaled - floor === 0.5;
  return (half ? floor + (floor % 2 === 0 ? 0 : 1) : Math.round(scaled)) / 10 ** places;
}

function toInteger(value: Value, call: Call): Value {
  const number = typeof value === "string" ? Number.parseFloat(value) : Number(value);
  return Number.isFinite(number) ? Math.trunc(number) : (argument(call, "default", 0) ?? 0);
}

function truncate(value: Value, call: Call): Value {
  const text = textOf(value);
  const length = numberOf(argument(call, "length", 0), 255);
  const end = stringOf(argument(call, "end", 2), "...");
  const leeway = 5;
  if (text.length <= length + leeway) return text;
  const cut = text.slice(0, Math.max(0, length - end.length));
  if (isTrue(argument(call, "killwords", 1) ?? false)) return cut + end;
  const words = cut.split(" ");
  return (words.length > 1 ? words.slice(0, -1).join(" ") : cut) + end;
}

function mapped(value: Value, call: Call): Value {
  const items = itemsOf(value);
  if (call.named.has("attribute")) return items.map(keyOf(call, 99));
  const filter = filters.get(stringOf(call.positional[0]));
  if (filter === undefined) throw new TemplateError("map: there is no such filter");
  const rest = { positional: call.positional.slice(1), named: call.named };
  return items.map((it) => filter(it, rest));
}

function items(value: Value): Value {
  return isDict(value) ? [...value].map((entry) => Tuple.from(entry)) : [];
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

/** Jinja's filters that templates of workflows use, and Airflow's own. */
export const filters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ...["upper", "lower", "capitalize", "title", "replace"].map(
    (name) => [name, callMethod(name)] as const,
  ),
  ["trim", callMethod("strip")],
  ["string", textOf],
  ["length", (it) => (isDict(it) ? it.size : itemsOf(it).length)],
  ["count", (it) => (isDict(it) ? it.size : itemsOf(it).length)],
  ["first", (it) => itemsOf(it)[0] ?? ""],
  ["last", (it) => itemsOf(it).at(-1) ?? ""],
  ["list", (it) => [...itemsOf(it)]],
  [
    "reverse",
    (it) =>
      typeof it === "string" ? Array.from(it).reverse().join("") : [...itemsOf(it)].reverse(),
  ],
  ["sort", sorted],
  ["unique", unique],
  ["min", extreme(-1)],
  ["max", extreme(1)],
  [
    "sum",
    (it, call) =>
      itemsOf(it)
        .map(keyOf(call, 0))
        .reduce((total, one) => operate("+", total, one), 0),
  ],
  [
    "join",
    (it, call) =>
      itemsOf(it)
        .map(keyOf(call, 1))
        .map(textOf)
        .join(stringOf(argument(call, "d", 0), "")),
  ],
  ["map", mapped],
  ["select", (it) => itemsOf(it).filter(isTrue)],
  ["reject", (it) => itemsOf(it).filter((one) => !isTrue(one))],
  ["items", items],
  ["dictsort", (it) => [...itemsOf(items(it))].sort(compare)],
  ["int", toInteger],
  ["float", (it) => (Number.isFinite(Number(it)) ? Number(it) : 0)],
  ["abs", (it) => Math.abs(numberOf(it, 0))],
  ["round", round],
  ["truncate", truncate],
  ["tojson", toJson],
  ["fromjson", (it) => toValue(JSON.parse(stringOf(it)))],
  ["escape", (it) => textOf(it).replaceAll(/[&<>"']/g, (one) => htmlEscapes[one] ?? one)],
  ["e", (it) => textOf(it).replaceAll(/[&<>"']/g, (one) => htmlEscapes[one] ?? one)],
  ["safe", (it) => it],
  [
    "indent",
    (it, call) =>
      textOf(it).replaceAll(
        "\n",
        `\n${" ".repeat(Math.min(100, numberOf(call.positional[0], 4)))}`,
      ),
  ],
  ["urlencode", (it) => encodeURIComponent(textOf(it)).replaceAll("%2F", "/")],
  ["ds", onDate((it) => it.strftime("%Y-%m-%d"))],
  ["ds_nodash", onDate((it) => it.strftime("%Y%m%d"))],
  ["ts", onDate((it) => it.isoformat("T"))],
  ["ts_nodash", onDate((it) => it.strftime("%Y%m%dT%H%M%S"))],
  [
    "ts_nodash_with_tz",
    onDate((it) =>
      it
        .isoformat("T")
        .replaceAll(/[-:]/g, "")
        .replace(/(\d{8}T\d{6}(?:\.\d+)?)(\d{4})$/, "$1-$2"),
    ),
  ],
]);
