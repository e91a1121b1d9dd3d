import {
  constructFromEvents,
  CORE_SCHEMA,
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  EVENT_ID,
  intCoreTag,
  mergeTag,
  parseEvents,
  YAMLException,
  type Event,
} from "js-yaml";
import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { placesOf, type Places } from "./places.ts";

/** Longest file, in UTF-16 units, and how often its aliases may be used. */
const sizeMax = 4 * 1024 * 1024;
const aliasesMax = 10_000;
/** Most values, those that aliases copy included. */
const valuesMax = 200_000;

/** What a file wants forgotten of the files before it. */
export type Amendment = "reset" | "override";

/** A value that a file marks with `!reset` or `!override`. */
export class Amended {
  readonly kind: Amendment;
  readonly value: unknown;

  constructor(kind: Amendment, value: unknown) {
    this.kind = kind;
    this.value = value;
  }
}

/** One document of a compose file as it is written. */
export interface ComposeDocument {
  /** Without what it resets. */
  readonly content: JsonObject;
  readonly places: Places;
  /** Where it amends earlier files, outermost first. */
  readonly amendments: readonly { readonly path: readonly string[]; readonly kind: Amendment }[];
}

function amendmentTags(kind: Amendment) {
  const name = `!${kind}`;
  const identify = (): boolean => false; // Only read, never written.
  return [
    defineScalarTag<Amended>(name, {
      resolve: (source: string) => new Amended(kind, source === "null" ? null : source),
      identify,
    }),
    defineSequenceTag<unknown[], Amended>(name, {
      create: () => [],
      addItem: (list, item) => {
        list.push(item);
      },
      finalize: (list) => new Amended(kind, list),
      identify,
    }),
    defineMappingTag<Map<unknown, unknown>, Amended>(name, {
      create: () => new Map(),
      addPair: (map, key, value) => {
        map.set(key, value);
        return "";
      },
      has: (map, key) => map.has(key),
      keys: () => [],
      get: () => undefined,
      finalize: (map) => new Amended(kind, Object.fromEntries(map)),
      identify,
    }),
  ];
}

/** Whole numbers with a zero in front are octal, as Go's YAML reads them: `mode: 0440`. */
const integerTag = defineScalarTag<number>(intCoreTag.tagName, {
  ...intCoreTag,
  resolve: (source, isExplicit, name) =>
    /^0[0-7]+$/.test(source)
      ? Number.parseInt(source, 8)
      : intCoreTag.resolve(source, isExplicit, name),
});

const schema = CORE_SCHEMA.withTags(
  mergeTag,
  integerTag,
  ...amendmentTags("reset"),
  ...amendmentTags("override"),
);

/**
 * Reads one compose file: YAML 1.2 with merge keys, and the tags that amend earlier files. Its later
 * documents amend the first. @throws {Error} with file, line and column of what cannot be read.
 */
export function parseCompose(text: string, file: string): readonly ComposeDocument[] {
  if (text.length > sizeMax) throw new Error(`${file}: longer than ${sizeMax} characters`);
  let events: readonly Event[];
  let values: readonly unknown[];
  try {
    const parsed = parseEvents(text, { filename: file });
    values = constructFromEvents(parsed, {
      source: text,
      schema,
      filename: file,
      maxAliases: aliasesMax,
    });
    events = parsed;
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { reason, mark } = error;
    const place = mark === undefined ? "" : `:${mark.line + 1}:${mark.column + 1}`;
    throw new Error(`${file}${place}: ${reason}`, { cause: error });
  }
  const starts = events.flatMap((it, index) => (it.type === EVENT_ID.DOCUMENT ? [index + 1] : []));
  const documents = values.flatMap((value, index): readonly ComposeDocument[] => {
    if (value === undefined || value === null) return [];
    const plain = new Plain();
    const content = plain.of(value, []);
    if (!isJsonObject(content)) throw new Error(`${file}: top-level object must be a mapping`);
    const places = placesOf(text, events, starts[index] ?? events.length);
    return [{ content, places, amendments: plain.amendments }];
  });
  if (documents.length === 0) throw new Error(`${file}: empty compose file`);
  return documents;
}

/** Makes plain JSON of what YAML gave: aliases become copies, amendments are put on a list. */
class Plain {
  readonly amendments: { path: readonly string[]; kind: Amendment }[] = [];
  #values = 0;

  of(value: unknown, path: readonly string[]): Json {
    if (++this.#values > valuesMax) throw new Error(`more than ${valuesMax} values`);
    if (value instanceof Amended) {
      this.amendments.push({ path, kind: value.kind });
      return value.kind === "reset" ? null : this.of(value.value, path);
    }
    if (Array.isArray(value)) {
      return value.map((it, index) => this.of(it, [...path, String(index)]));
    }
    if (typeof value === "object" && value !== null) {
      const kept = Object.entries(value).flatMap(
        ([key, it]: [string, unknown]): [string, Json][] => {
          const plain = this.of(it, [...path, key]);
          return it instanceof Amended && it.kind === "reset" ? [] : [[key, plain]];
        },
      );
      return Object.fromEntries(kept);
    }
    return value as Json;
  }
}

/** The object without what is at the path. */
export function without<T extends object>(object: T, path: readonly string[]): T {
  const [key, ...rest] = path;
  if (key === undefined) return object;
  const entries = Object.entries(object) as [string, unknown][];
  const changed = entries.flatMap(([name, value]): [string, unknown][] => {
    if (name !== key) return [[name, value]];
    if (rest.length === 0) return [];
    const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
    return [[name, isMapping ? without(value, rest) : value]];
  });
  return Object.fromEntries(changed) as T;
}
