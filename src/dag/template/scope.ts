import { TemplateError } from "./ast.ts";
import { memberOf } from "./methods.ts";
import {
  isDict,
  isEqual,
  isList,
  itemsOf,
  represent,
  textOf,
  type Call,
  type TemplateObject,
  type Value,
} from "./values.ts";

/** What a name stands for; undefined when it is not defined. */
export type Names = (name: string) => Value | undefined;

/** The names of a scope, then those around it. */
export function within(scope: ReadonlyMap<string, Value>, outer: Names): Names {
  return (name) => (scope.has(name) ? scope.get(name) : outer(name));
}

/** Names that every template knows. */
export const globals: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["range", ({ positional }) => range(positional.map(Number))],
  ["dict", ({ named }) => new Map(named)],
  ["namespace", ({ named }) => new Namespace(named)],
  ["joiner", joiner],
  ["cycler", cycler],
]);

/** What `{% set it.name = … %}` changes, also from within a loop. */
export class Namespace implements TemplateObject {
  readonly #values: Map<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = new Map(values);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  attribute(name: string): Value | undefined {
    return this.#values.get(name);
  }

  text(): string {
    return `<Namespace ${represent(this.#values)}>`;
  }
}

const rangeMax = 100_000;

function range(bounds: readonly number[]): Value {
  const [from = 0, to = 0, step = 1] = bounds.length === 1 ? [0, bounds[0]] : bounds;
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (count > rangeMax) throw new TemplateError(`a range may have at most ${rangeMax} numbers`);
  return Array.from({ length: count }, (_, at) => from + at * step);
}

export function assign(names: readonly string[], value: Value, to: Map<string, Value>): void {
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

export function loopOf(at: number, items: readonly Value[], memory: LoopMemory): Value {
  const { length } = items;
  const previous = items[at - 1];
  const next = items[at + 1];
  return new Map<string, Value>([
    ["index", at + 1],
    ["index0", at],
    ["first", at === 0],
    ["last", at === length - 1],
    ["length", length],
    ["revindex", length - at],
    ["revindex0", length - at - 1],
    ["cycle", ({ positional }) => positional[at % Math.max(1, positional.length)] ?? null],
    [
      "changed",
      ({ positional }) => {
        const { last } = memory;
        memory.last = positional;
        return last === undefined || !isEqual(last, positional);
      },
    ],
    ...(previous === undefined ? [] : [["previtem", previous] as const]),
    ...(next === undefined ? [] : [["nextitem", next] as const]),
  ]);
}

/** What `loop.changed` was last asked with. */
export interface LoopMemory {
  last?: readonly Value[];
}

/** Gives its text, but nothing the first time. */
function joiner({ positional }: Call): Value {
  let isFirst = true;
  return () => {
    const text = isFirst ? "" : (positional[0] ?? ", ");
    isFirst = false;
    return text;
  };
}

/** Gives one value after the other, over and over. */
function cycler({ positional }: Call): Value {
  let at = 0;
  const current = (): Value => positional[at % Math.max(1, positional.length)] ?? null;
  function next(): Value {
    const value = current();
    at += 1;
    return value;
  }
  function reset(): Value {
    at = 0;
    return null;
  }
  return {
    attribute: (name) =>
      name === "current"
        ? current()
        : name === "next"
          ? next
          : name === "reset"
            ? reset
            : undefined,
    text: () => "<Cycler>",
  };
}

export function itemAt(of: Value, key: Value): Value | undefined {
  if (isDict(of)) return memberOf(of, textOf(key));
  if (typeof key === "string") return memberOf(of, key);
  if (typeof key !== "number") return undefined;
  if (isList(of)) return of.at(key);
  return typeof of === "string" ? of.at(key) : undefined;
}

export function sliceOf(of: Value, bounds: readonly (Value | undefined)[]): Value | undefined {
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

export function shorten(value: Value): string {
  const text = represent(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
