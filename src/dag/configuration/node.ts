import type { Json } from "#api/object.ts";
import { parseYamlWithPlaces, YamlError } from "#api/yaml.ts";
import type { YamlPlaces } from "#api/yaml-places.ts";
import { ConfigurationError, type Place } from "./error.ts";

/** A value of a configuration file that knows where it was written. Never changed. */
export interface Node {
  readonly place: Place;
  /** Of its key; its own when it has none. */
  readonly keyPlace: Place;
  readonly value: string | number | boolean | null | readonly Node[] | Fields;
}

export interface ListNode extends Node {
  readonly value: readonly Node[];
}

export interface MappingNode extends Node {
  readonly value: Fields;
}

/** The entries of a mapping. */
export type Fields = ReadonlyMap<string, Node>;

/**
 * Reads a file of one YAML or JSON document; its top must be a mapping.
 * @throws {ConfigurationError} at what cannot be read, or is there twice.
 */
export function readNode(text: string, file: string): Node {
  const start = { file, line: 1, column: 1 };
  const { documents, places } = parse(text, file);
  if (documents.length > 1) throw new ConfigurationError(start, "expected one document");
  const [document] = documents;
  const [duplicate] = document?.duplicates ?? [];
  if (duplicate !== undefined) {
    const line = Number(/^line (\d+)/.exec(duplicate)?.[1] ?? 1);
    const reason = duplicate.replace(/^line \d+: /, "");
    throw new ConfigurationError({ file, line, column: 1 }, reason);
  }
  return locate(document?.value ?? {}, { file, places }, { place: start, keyPlace: start });
}

function parse(text: string, file: string): ReturnType<typeof parseYamlWithPlaces> {
  try {
    return parseYamlWithPlaces(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    const { line, column, message } = error;
    throw new ConfigurationError({ file, line, column }, message.replace(/^yaml: line .*?: /, ""));
  }
}

function locate(
  value: Json,
  text: { readonly file: string; readonly places: YamlPlaces },
  at: { readonly place: Place; readonly keyPlace: Place },
): Node {
  if (typeof value !== "object" || value === null) return { ...at, value };
  function inner(container: object, key: string | number): typeof at {
    const { file, places } = text;
    const place = places.valuePlace(container, key);
    const keyPlace = places.keyPlace(container, key);
    return {
      place: place === undefined ? at.place : { file, ...place },
      keyPlace: keyPlace === undefined ? at.keyPlace : { file, ...keyPlace },
    };
  }
  if (Array.isArray(value)) {
    return { ...at, value: value.map((it, index) => locate(it, text, inner(value, index))) };
  }
  const entries = Object.entries(value).map(
    ([key, it]) => [key, locate(it ?? null, text, inner(value, key))] as const,
  );
  return { ...at, value: new Map(entries) };
}

/** The value without its places. */
export function plain(node: Node): Json {
  if (isList(node)) return node.value.map(plain);
  if (!isMapping(node)) return scalarOf(node);
  return Object.fromEntries([...node.value].map(([key, it]) => [key, plain(it)]));
}

/** A value that is neither a list nor a mapping; null for those. */
export function scalarOf({ value }: Node): string | number | boolean | null {
  return typeof value === "object" ? null : value;
}

export function isList(node: Node): node is ListNode {
  return Array.isArray(node.value);
}

export function isMapping(node: Node): node is MappingNode {
  return node.value instanceof Map;
}

/** The entries of a mapping; none for null. @throws {ConfigurationError} for anything else. */
export function fieldsOf(node: Node | undefined, what: string): Fields {
  if (node === undefined || node.value === null) return new Map();
  if (isMapping(node)) return node.value;
  throw new ConfigurationError(node.place, `${what} must be a mapping, found ${shown(node)}`);
}

/** A value as errors quote it. */
export function shown(node: Node): string {
  if (isList(node)) return "a list";
  if (isMapping(node)) return "a mapping";
  return JSON.stringify(node.value);
}

/** Mappings merge key by key, whatever else is in `over` replaces what is below it. */
export function mergeNodes(below: Node | undefined, over: Node): Node {
  if (below === undefined || !isMapping(below) || !isMapping(over)) return over;
  const merged = new Map(below.value);
  for (const [key, node] of over.value) merged.set(key, mergeNodes(below.value.get(key), node));
  return { ...over, value: merged };
}
