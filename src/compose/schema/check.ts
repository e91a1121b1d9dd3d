import { isJsonObject, type Json } from "#api/object.ts";
import { parseBytes, parseDurationMs } from "#base/amounts.ts";
import { suggestion } from "#base/suggest.ts";
import type { Scalar, Shape } from "./shape.ts";

/** Something that a compose file may not say. */
export interface Fault {
  /** Of the value, such as `services.web.ports[0]`. */
  readonly path: string;
  /** Of what is to be pointed at, where that is something else: the key that is not known. */
  readonly at?: string;
  readonly problem: string;
}

/** Most faults that are told of one file. */
const faultsMax = 20;

/** What is wrong with a value, in the order of the file; empty when it is of the shape. */
export function check(value: Json, shape: Shape, path = ""): readonly Fault[] {
  return faultsOf(value, shape, path).slice(0, faultsMax);
}

/** The path of a key of a mapping. */
export function below(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function faultsOf(value: Json, shape: Shape, path: string): readonly Fault[] {
  switch (shape.kind) {
    case "any":
      return [];
    case "null":
      return value === null ? [] : [{ path, problem: "must be empty" }];
    case "list":
      if (!Array.isArray(value)) return [{ path, problem: "must be a list" }];
      return value.flatMap((it, index) => faultsOf(it, shape.of, `${path}[${index}]`));
    case "record":
      return recordFaults(value, shape, path);
    case "object":
      return objectFaults(value, shape, path);
    case "either":
      return eitherFaults(value, shape.of, path);
    case "word":
    case "pattern":
      return wordFaults(value, shape, path);
    case "scalar":
      return scalarFault(value, shape.scalar, path);
  }
}

function recordFaults(
  value: Json,
  { of, names }: Extract<Shape, { kind: "record" }>,
  path: string,
): readonly Fault[] {
  if (!isJsonObject(value)) return [{ path, problem: "must be a mapping" }];
  return Object.entries(value).flatMap(([key, it]) => {
    const inner = below(path, key);
    if (names?.test(key) === false) {
      const problem = `the name '${key}' may have letters, digits, '.', '_' and '-' only`;
      return [{ path, at: inner, problem }];
    }
    return faultsOf(it ?? null, of, inner);
  });
}

function objectFaults(
  value: Json,
  { keys, needed }: Extract<Shape, { kind: "object" }>,
  path: string,
): readonly Fault[] {
  if (!isJsonObject(value)) return [{ path, problem: "must be a mapping" }];
  const faults = Object.entries(value).flatMap(([key, it]): readonly Fault[] => {
    if (key.startsWith("x-")) return [];
    const inner = below(path, key);
    const shape = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (shape !== undefined) return faultsOf(it ?? null, shape, inner);
    const problem = `additional properties '${key}' not allowed${suggestion(key, Object.keys(keys))}`;
    return [{ path, at: inner, problem }];
  });
  const missing = needed
    .filter((it) => value[it] === undefined)
    .map((it): Fault => ({ path, problem: `missing property '${it}'` }));
  return [...faults, ...missing];
}

function eitherFaults(value: Json, shapes: readonly Shape[], path: string): readonly Fault[] {
  let near: readonly Fault[] | undefined;
  for (const shape of shapes) {
    const faults = faultsOf(value, shape, path);
    if (faults.length === 0) return [];
    if (near === undefined && isOfKind(value, shape)) near = faults;
  }
  if (near !== undefined) return near;
  return [{ path, problem: `must be ${joined(shapes.map(nameOf))}` }];
}

/** Whether a value was meant to be of the shape. */
function isOfKind(value: Json, shape: Shape): boolean {
  if (Array.isArray(value)) return shape.kind === "list";
  if (isJsonObject(value)) return shape.kind === "object" || shape.kind === "record";
  if (shape.kind === "either") return shape.of.some((it) => isOfKind(value, it));
  return typeof value === "string" && !["list", "object", "record", "null"].includes(shape.kind);
}

function wordFaults(
  value: Json,
  shape: Extract<Shape, { kind: "word" | "pattern" }>,
  path: string,
): readonly Fault[] {
  if (typeof value !== "string") return [{ path, problem: "must be a string" }];
  if (shape.kind === "pattern") {
    return shape.pattern.test(value)
      ? []
      : [{ path, problem: `'${value}' must be ${shape.expected}` }];
  }
  if (shape.words.includes(value)) return [];
  const problem = `must be one of ${shape.words.join(", ")}; it is '${value}'`;
  return [{ path, problem: problem + suggestion(value, shape.words) }];
}

const names: Readonly<Record<Scalar, string>> = {
  text: "a string",
  flag: "a boolean",
  boolean: "a boolean",
  number: "a number",
  integer: "a whole number",
  count: "a whole number, not below zero",
  size: "a size, such as 512m or 1gb",
  duration: "a duration, such as 10s or 1m30s",
};

function scalarFault(value: Json, kind: Scalar, path: string): readonly Fault[] {
  if (scalars[kind](value)) return [];
  const given = typeof value === "string" ? `; it is '${value}'` : "";
  // What a number of seconds means is left to nobody.
  const quoted = kind === "duration" && typeof value === "number" ? `; ${value}s, perhaps` : "";
  const textual = kind === "text" && typeof value === "number" ? `: "${value}" in quotes` : "";
  return [{ path, problem: `must be ${names[kind]}${given}${quoted}${textual}` }];
}

/** As Go's `strconv.ParseBool` and YAML 1.1. */
export const flagPattern = /^(true|false|yes|no|y|n|on|off|t|f|1|0)$/i;

const scalars: Readonly<Record<Scalar, (value: Json) => boolean>> = {
  text: (it) => typeof it === "string",
  boolean: (it) => typeof it === "boolean",
  flag: (it) => typeof it === "boolean" || (typeof it === "string" && flagPattern.test(it)),
  number: (it) => Number.isFinite(numberOf(it)),
  integer: (it) => Number.isInteger(numberOf(it)),
  count: (it) => Number.isInteger(numberOf(it)) && numberOf(it) >= 0,
  // Minus one is no limit.
  size: (it) => (typeof it === "string" && parseBytes(it) !== undefined) || numberOf(it) >= -1,
  duration: (it) => typeof it === "string" && parseDurationMs(it) !== undefined,
};

/** Of a number, or of a text that is one; not a number for all else. */
function numberOf(value: Json): number {
  if (typeof value === "string") return value.trim() === "" ? Number.NaN : Number(value);
  return typeof value === "number" ? value : Number.NaN;
}

function nameOf(shape: Shape): string {
  switch (shape.kind) {
    case "list":
      return "a list";
    case "object":
    case "record":
      return "a mapping";
    case "null":
      return "empty";
    case "either":
      return joined(shape.of.map(nameOf));
    case "any":
    case "word":
    case "pattern":
      return "a string";
    case "scalar":
      return names[shape.scalar];
  }
}

function joined(words: readonly string[]): string {
  const different = [...new Set(words)];
  const last = different.pop() ?? "";
  return different.length === 0 ? last : `${different.join(", ")} or ${last}`;
}
