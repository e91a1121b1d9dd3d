import type { Json } from "#api/object.ts";
import { badRequest } from "#api/status.ts";

/**
 * Deepest nesting of lists and objects in a body. Upstream allows 10,000 (encoding/json); V8 itself
 * overflows its stack at a few thousand when it writes such a value.
 */
export const nestingMax = 1000;

/**
 * Parses the JSON text of a body. The value has only plain prototypes and no key `__proto__`, so
 * code may copy its keys one by one. Integers that a double cannot hold are refused, never rounded;
 * the exception are the bounds in the schema of a custom resource, which upstream holds as float64.
 * @throws {StatusError} 400 for text that is not JSON, too deep, or has such a key or number.
 */
export function decodeJson(text: string): Json {
  // A value deeper than the bound has more than half of it in braces or in brackets.
  const half = nestingMax / 2;
  if (hasMore(text, "{", half) || hasMore(text, "[", half)) checkNesting(text);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw badRequest(`the body is not JSON: ${error instanceof Error ? error.message : ""}`, error);
  }
  if (text.includes("__proto__") || text.includes("\\u005") || hasLongNumber(text)) {
    checkDetails(text, value);
  }
  return value;
}

/** Whether the text has more than `count` of a character, in strings too. */
function hasMore(text: string, character: string, count: number): boolean {
  let at = text.indexOf(character);
  for (let left = count; at >= 0; left--) {
    if (left === 0) return true;
    at = text.indexOf(character, at + 1);
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const char = text.charCodeAt(at);
  return char >= 48 && char <= 57;
}

/** The shortest integer that a double may not hold. */
const longDigits = 16;

/** Whether that many digits stand in a row anywhere; such a row covers a multiple of its length. */
function hasLongNumber(text: string): boolean {
  for (let at = 0; at < text.length; at += longDigits) {
    if (!isDigit(text, at)) continue;
    let start = at;
    let end = at + 1;
    while (start > 0 && isDigit(text, start - 1)) start--;
    while (isDigit(text, end)) end++;
    if (end - start >= longDigits) return true;
  }
  return false;
}

const quote = 34;
const openBracket = 91;
const backslash = 92;
const closeBracket = 93;
const openBrace = 123;
const closeBrace = 125;
const comma = 44;

function checkNesting(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === quote) at = endOfString(text, at);
    else if (char === openBrace || char === openBracket) depth++;
    else if (char === closeBrace || char === closeBracket) depth--;
    if (depth > nestingMax) {
      throw badRequest(`the body is nested deeper than ${nestingMax} levels at offset ${at}`);
    }
  }
}

/** Where the string that opens at `from` closes; the end of the text when it does not. */
function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at > 0) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return text.length;
}

const floatBounds = new Set(["minimum", "maximum", "multipleOf"]);

function checkDetails(text: string, value: Json): void {
  const isDefinition =
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    value["kind"] === "CustomResourceDefinition";
  // The third argument is the number's text, which the declared type of the reviver lacks.
  JSON.parse(text, (key: string, it: unknown, ...rest: unknown[]) => {
    if (key === "__proto__") throw badRequest('the key "__proto__" is not supported');
    const source = (rest[0] as { readonly source?: string } | undefined)?.source ?? "";
    const inexact = typeof it === "number" && !Number.isSafeInteger(it) && /^-?\d+$/.test(source);
    if (inexact && !(isDefinition && floatBounds.has(key))) {
      throw badRequest(
        `the integer ${source} of "${key}" is beyond 2^53; write it as a string where the field allows it`,
      );
    }
    return undefined;
  });
}

/** Upstream stops to collect after as many (sigs.k8s.io/json). */
const duplicatesMax = 100;

/**
 * The keys that occur twice in one object of a JSON text that {@link decodeJson} accepted, in
 * upstream's words: `duplicate field "spec.containers[0].image"`. At most 100.
 */
export function findDuplicateKeys(text: string): string[] {
  const scan = new KeyScan();
  for (let at = 0; at < text.length && scan.duplicates.size < duplicatesMax; at++) {
    const char = text.charCodeAt(at);
    if (char === quote) {
      const end = endOfString(text, at);
      if (scan.expectsKey) scan.takeKey(keyText(text, at, end));
      at = end;
    } else if (char === openBrace) scan.open(new Set());
    else if (char === openBracket) scan.open(undefined);
    else if (char === closeBrace || char === closeBracket) scan.close();
    else if (char === comma) scan.next();
  }
  return [...scan.duplicates];
}

interface Frame {
  /** Undefined in a list. */
  readonly keys: Set<string> | undefined;
  /** The key whose value is being read. */
  key: string;
  index: number;
}

class KeyScan {
  readonly duplicates = new Set<string>();
  expectsKey = false;
  private readonly frames: Frame[] = [];
  private frame: Frame | undefined;

  open(keys: Set<string> | undefined): void {
    this.frame = { keys, key: "", index: 0 };
    this.frames.push(this.frame);
    this.expectsKey = keys !== undefined;
  }

  close(): void {
    this.frames.pop();
    this.frame = this.frames.at(-1);
    this.expectsKey = false;
  }

  next(): void {
    if (this.frame === undefined) return;
    this.frame.index++;
    this.expectsKey = this.frame.keys !== undefined;
  }

  takeKey(key: string): void {
    this.expectsKey = false;
    if (this.frame?.keys === undefined) return;
    this.frame.key = key;
    if (!this.frame.keys.has(key)) this.frame.keys.add(key);
    else this.duplicates.add(`duplicate field ${JSON.stringify(pathOf(this.frames))}`);
  }
}

function keyText(text: string, from: number, end: number): string {
  const raw = text.slice(from + 1, end);
  return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
}

function pathOf(frames: readonly Frame[]): string {
  let path = "";
  for (const it of frames) {
    if (it.keys === undefined) path += `[${it.index}]`;
    else path += path === "" ? it.key : `.${it.key}`;
  }
  return path;
}
