import { dump, EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException } from "js-yaml";
import type { Event, MappingEvent, ScalarEvent, SequenceEvent } from "js-yaml";
import { isJsonObject, type Json, type JsonObject } from "./object.ts";
import { plainScalar, taggedScalar } from "./yaml-scalar.ts";
import { YamlPlaces } from "./yaml-places.ts";

/** Longest text, in UTF-16 units: bundles of custom resource definitions reach a few million. */
export const yamlSizeMax = 32 * 1024 * 1024;

/** Deepest nesting, aliases included; the same as for JSON bodies. */
export const yamlNestingMax = 1000;

/** Most values that aliases and merge keys may copy in one text. */
export const yamlCopiesMax = 100_000;

/** A text that is not YAML, or YAML that has no JSON form. */
export class YamlError extends Error {
  override readonly name = "YamlError";
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;

  constructor(reason: string, at: { readonly line: number; readonly column: number }) {
    super(`yaml: line ${at.line}, column ${at.column}: ${reason}`);
    this.line = at.line;
    this.column = at.column;
  }
}

export interface YamlDocument {
  /** Null for an empty document. */
  readonly value: Json;
  /** In the words of Go's YAML: `line 7: key "image" already set in map`. The last one counts. */
  readonly duplicates: readonly string[];
}

/**
 * Reads every document of a text as sigs.k8s.io/yaml does: YAML's values become JSON, keys become
 * strings, `<<` merges, aliases are copied.
 * @throws {YamlError} with line and column.
 */
export function parseYaml(text: string): { readonly documents: readonly YamlDocument[] } {
  return { documents: new Composer(checkedSize(text), undefined).compose() };
}

function checkedSize(text: string): string {
  if (text.length <= yamlSizeMax) return text;
  const reason = `the text is longer than ${yamlSizeMax} characters`;
  throw new YamlError(reason, { line: 1, column: 1 });
}

/**
 * Reads every document of a text as {@link parseYaml} does, and remembers where each value stands.
 * @throws {YamlError} with line and column.
 */
export function parseYamlWithPlaces(text: string): {
  readonly documents: readonly YamlDocument[];
  readonly places: YamlPlaces;
} {
  const places = new YamlPlaces(text);
  return { documents: new Composer(checkedSize(text), places).compose(), places };
}

/**
 * Writes a value as sigs.k8s.io/yaml does: keys sorted, lists not indented below their key, long
 * lines not folded. Keys whose value is undefined are left out.
 */
export function formatYaml(value: Json): string {
  return dump(value, {
    sortKeys: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
    noRefs: true,
    seqNoIndent: true,
    lineWidth: -1,
    quoteStyle: "double",
    skipInvalid: true,
  });
}

/** Keys that are floats in the schemas of custom resources: rounding them is what upstream does. */
const floatKeys = new Set(["minimum", "maximum", "multipleOf"]);

class Composer {
  private readonly text: string;
  private readonly events: readonly Event[];
  private readonly places: YamlPlaces | undefined;
  private at = 0;
  private copies = 0;
  private anchors = new Map<string, Json>();
  private duplicates: string[] = [];

  constructor(text: string, places: YamlPlaces | undefined) {
    this.text = text;
    this.places = places;
    try {
      this.events = parseEvents(text, { maxDepth: yamlNestingMax });
    } catch (error) {
      if (!(error instanceof YAMLException) || error.mark === undefined) throw error;
      const { line, column } = error.mark;
      throw new YamlError(error.reason, { line: line + 1, column: column + 1 });
    }
  }

  compose(): YamlDocument[] {
    const documents: YamlDocument[] = [];
    while (this.at < this.events.length) {
      this.take();
      this.anchors = new Map();
      this.duplicates = [];
      const value = this.peek().type === EVENT_ID.POP ? null : this.value("", 1);
      this.take();
      documents.push({ value, duplicates: this.duplicates });
    }
    return documents;
  }

  private peek(): Event {
    const event = this.events[this.at];
    if (event === undefined) throw this.fail("the text ends early", this.text.length);
    return event;
  }

  private take(): Event {
    const event = this.peek();
    this.at++;
    return event;
  }

  private fail(reason: string, offset: number): YamlError {
    return new YamlError(reason, this.position(offset));
  }

  private position(offset: number): { readonly line: number; readonly column: number } {
    const before = this.text.slice(0, Math.max(0, offset));
    const line = before.split("\n").length;
    return { line, column: before.length - before.lastIndexOf("\n") };
  }

  private value(key: string, depth: number): Json {
    const event = this.take();
    switch (event.type) {
      case EVENT_ID.SCALAR: {
        const value = this.scalar(event, key);
        this.keep(event, value);
        return value;
      }
      case EVENT_ID.SEQUENCE: {
        const list: Json[] = [];
        while (this.peek().type !== EVENT_ID.POP) {
          this.places?.remember(list, String(list.length), startOf(this.peek()));
          list.push(this.value("", depth + 1));
        }
        this.take();
        this.keep(event, list);
        return list;
      }
      case EVENT_ID.MAPPING: {
        const object = this.mapping(depth);
        this.keep(event, object);
        return object;
      }
      case EVENT_ID.ALIAS: {
        const name = this.text.slice(event.anchorStart, event.anchorEnd);
        const anchored = this.anchors.get(name);
        if (anchored === undefined) {
          throw this.fail(`unknown anchor '${name}' referenced`, event.anchorStart);
        }
        return this.copy(anchored, depth, event.anchorStart);
      }
      case EVENT_ID.DOCUMENT:
      case EVENT_ID.POP:
        throw this.fail("a value is missing", this.text.length);
    }
  }

  private keep(event: ScalarEvent | SequenceEvent | MappingEvent, value: Json): void {
    if (event.anchorStart < 0) return;
    this.anchors.set(this.text.slice(event.anchorStart, event.anchorEnd), value);
  }

  private scalar(event: ScalarEvent, key: string): Json {
    const text = getScalarValue(this.text, event);
    const tag = event.tagStart < 0 ? "" : this.text.slice(event.tagStart, event.tagEnd);
    if (tag === "" && event.style !== SCALAR_STYLE.PLAIN) return text;
    const found = tag === "" ? plainScalar(text) : taggedScalar(tag, text);
    if ("problem" in found) throw this.fail(found.problem, event.valueStart);
    if (found.inexact && !floatKeys.has(key)) {
      throw this.fail(`the integer ${text} is beyond 2^53; quote it`, event.valueStart);
    }
    return found.value;
  }

  private mapping(depth: number): JsonObject {
    const object: JsonObject = {};
    const merged = new Set<string>();
    while (this.peek().type !== EVENT_ID.POP) {
      const start = this.peek();
      const isMerge = this.isMergeKey(start);
      const key = this.key(depth);
      if (!isMerge) this.places?.remember(object, key, startOf(start), startOf(this.peek()));
      const offset = startOf(this.peek());
      const value = this.value(key, depth + 1);
      if (isMerge) {
        this.merge(object, merged, value, { depth, offset });
        continue;
      }
      if (Object.hasOwn(object, key) && !merged.delete(key)) {
        const quoted = JSON.stringify(key);
        this.duplicates.push(
          `line ${this.position(offset).line}: key ${quoted} already set in map`,
        );
      }
      object[key] = value;
    }
    this.take();
    return object;
  }

  private isMergeKey(event: Event): boolean {
    return (
      event.type === EVENT_ID.SCALAR &&
      event.style === SCALAR_STYLE.PLAIN &&
      event.tagStart < 0 &&
      event.valueEnd - event.valueStart === 2 &&
      this.text.startsWith("<<", event.valueStart)
    );
  }

  private key(depth: number): string {
    const offset = startOf(this.peek());
    const value = this.value("", depth + 1);
    if (value === null || typeof value === "object") {
      throw this.fail("a key must be a text, a number or a boolean", offset);
    }
    const key = String(value);
    if (key === "__proto__") throw this.fail('the key "__proto__" is not supported', offset);
    return key;
  }

  /** Keys of the mapping itself win over merged ones, and earlier merged ones over later. */
  private merge(
    object: JsonObject,
    merged: Set<string>,
    value: Json,
    where: { readonly depth: number; readonly offset: number },
  ): void {
    for (const source of Array.isArray(value) ? value : [value]) {
      if (!isJsonObject(source)) {
        throw this.fail("map merge requires map or sequence of maps as the value", where.offset);
      }
      for (const [key, it] of Object.entries(source)) {
        if (it === undefined || Object.hasOwn(object, key)) continue;
        object[key] = this.copy(it, where.depth + 1, where.offset);
        this.places?.copyKey(object, key, source);
        merged.add(key);
      }
    }
  }

  private copy(value: Json, depth: number, offset: number): Json {
    if (++this.copies > yamlCopiesMax) {
      throw this.fail(`aliases copy more than ${yamlCopiesMax} values`, offset);
    }
    if (value === null || typeof value !== "object") return value;
    if (depth > yamlNestingMax) {
      throw this.fail(`aliases nest deeper than ${yamlNestingMax} levels`, offset);
    }
    if (Array.isArray(value)) {
      const list = value.map((it) => this.copy(it, depth + 1, offset));
      this.places?.copyAll(list, value);
      return list;
    }
    const object: JsonObject = {};
    this.places?.copyAll(object, value);
    for (const [key, it] of Object.entries(value)) {
      if (it !== undefined) object[key] = this.copy(it, depth + 1, offset);
    }
    return object;
  }
}

function startOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart;
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start;
    case EVENT_ID.ALIAS:
      return event.anchorStart;
    case EVENT_ID.DOCUMENT:
    case EVENT_ID.POP:
      return 0;
  }
}
