import { durationMs, type Duration } from "#dag/model/duration.ts";
import { parseMoment } from "#dag/timetable/moment.ts";
import { isTimeZone } from "#dag/timetable/time-zone.ts";
import { ConfigurationError } from "./error.ts";
import { fieldsOf, isList, isMapping, plain, shown, type Fields, type Node } from "./node.ts";

/** Reads one kind of value. @throws {ConfigurationError} at a value that is none. */
export type Reader<T> = (node: Node) => T;

function refuse(node: Node, expected: string): never {
  throw new ConfigurationError(node.place, `expected ${expected}, found ${shown(node)}`);
}

/** Numbers and booleans are texts too, as they are written in YAML without quotes. */
export function text(node: Node): string {
  const { value } = node;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return refuse(node, "a text");
}

export function number(node: Node): number {
  return typeof node.value === "number" ? node.value : refuse(node, "a number");
}

export function count(node: Node): number {
  const { value } = node;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  return refuse(node, "a whole number that is not negative");
}

export function flag(node: Node): boolean {
  return typeof node.value === "boolean" ? node.value : refuse(node, "true or false");
}

/** A list, or one value in place of a list of one. */
export function listOf<T>(reader: Reader<T>): Reader<T[]> {
  return (node) => (isList(node) ? node.value.map(reader) : [reader(node)]);
}

export function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (node) => {
    const found = values.find((it) => it === node.value);
    return found ?? refuse(node, `one of ${values.join(", ")}`);
  };
}

/** The class that an object with `__type__` names, without its package. */
export function typeName(node: Node): string | undefined {
  const type = isMapping(node) ? node.value.get("__type__")?.value : undefined;
  return typeof type === "string" ? (type.split(".").at(-1) ?? type) : undefined;
}

const durationUnits: Readonly<Record<string, number>> = {
  weeks: 604_800,
  days: 86_400,
  hours: 3_600,
  minutes: 60,
  seconds: 1,
  milliseconds: 0.001,
};

/** `5m`, a number of seconds, or `{__type__: datetime.timedelta, minutes: 5}`. */
export function duration(node: Node): Duration {
  if (isMapping(node)) {
    let seconds = 0;
    for (const [unit, amount] of node.value) {
      if (unit === "__type__") continue;
      const length = durationUnits[unit];
      if (length === undefined) {
        throw new ConfigurationError(amount.keyPlace, `unknown unit of time '${unit}'`);
      }
      seconds += length * number(amount);
    }
    return seconds;
  }
  const { value } = node;
  if (typeof value !== "number" && typeof value !== "string") return refuse(node, "a duration");
  try {
    durationMs(value);
  } catch (error) {
    throw new ConfigurationError(node.place, error instanceof Error ? error.message : "");
  }
  return value;
}

const dateParts = ["year", "month", "day", "hour", "minute", "second"] as const;
const relative = /^(\d+)\s*(day|hour|week)s?(?:\s+ago)?$/;
const relativeHours: Readonly<Record<string, number>> = { hour: 1, day: 24, week: 168 };

/**
 * A date or time; without offset in the time zone. `2 days` is so long before the midnight, in UTC,
 * before `now`.
 */
export function moment(timeZone: string, now: number): Reader<Date> {
  return (node) => {
    const given = isMapping(node) ? momentText(node.value) : text(node);
    const [, amount, unit] = relative.exec(given) ?? [];
    if (amount !== undefined && unit !== undefined) {
      const midnight = now - (now % 86_400_000);
      return new Date(midnight - Number(amount) * (relativeHours[unit] ?? 0) * 3_600_000);
    }
    try {
      return new Date(parseMoment(given, timeZone));
    } catch (error) {
      throw new ConfigurationError(node.place, error instanceof Error ? error.message : "");
    }
  };
}

/** `{__type__: datetime.datetime, year: 2026, month: 1, day: 1}` as text. */
function momentText(fields: Fields): string {
  const [year = 1970, month = 1, day = 1, ...time] = dateParts.map((name) => {
    const node = fields.get(name);
    return node === undefined ? (name === "month" || name === "day" ? 1 : 0) : count(node);
  });
  const two = (it: number): string => String(it).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${time.map(two).join(":")}`;
}

export function timeZone(node: Node): string {
  const name = text(node);
  if (isTimeZone(name)) return name;
  throw new ConfigurationError(node.place, `unknown time zone '${name}'`);
}

/** Any JSON; objects of classes that only carry fields lose the name of their class. */
export function json(node: Node): ReturnType<typeof plain> {
  return plain(withoutTypes(node));
}

function withoutTypes(node: Node): Node {
  if (isList(node)) return { ...node, value: node.value.map(withoutTypes) };
  if (!isMapping(node)) return node;
  const kept = [...node.value].filter(([key]) => key !== "__type__");
  return { ...node, value: new Map(kept.map(([key, it]) => [key, withoutTypes(it)])) };
}

/** How a mapping's keys are read; the result has only the keys that are there. */
export type FieldReaders = Readonly<
  Record<string, readonly [name: string, reader: Reader<unknown>]>
>;

/**
 * Reads the keys that are known, under their new names, and gives back the others.
 */
export function readFields(
  fields: Fields,
  readers: FieldReaders,
): { readonly read: Record<string, unknown>; readonly left: Map<string, Node> } {
  const read: Record<string, unknown> = {};
  const left = new Map<string, Node>();
  for (const [key, node] of fields) {
    const known = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (known === undefined) left.set(key, node);
    else if (node.value !== null) read[known[0]] = known[1](node);
  }
  return { read, left };
}

/** @throws {ConfigurationError} at the first key, with a known one that looks like it. */
export function refuseUnknown(left: Fields, what: string, known: readonly string[]): void {
  for (const [key, node] of left) {
    const near = known.findLast((it) => looksLike(it, key));
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw new ConfigurationError(node.keyPlace, `${what} has no setting '${key}'${hint}`);
  }
}

/** Whether one differs from the other by little: the case, or one character. */
function looksLike(known: string, given: string): boolean {
  const [a, b] = [known, given].map((it) => it.toLowerCase().replaceAll(/[_-]/g, ""));
  if (a === undefined || b === undefined || Math.abs(a.length - b.length) > 1) return false;
  if (a === b) return true;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return (
    a.slice(at + (a.length >= b.length ? 1 : 0)) === b.slice(at + (b.length >= a.length ? 1 : 0))
  );
}

/** The mapping at a key. */
export function section(fields: Fields, key: string): Fields {
  return fieldsOf(fields.get(key), key);
}

/** `image_pull_policy` as `imagePullPolicy`. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
