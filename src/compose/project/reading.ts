import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { flagPattern } from "#compose/schema/check.ts";

/** A compose file that says what it may not; the message begins with the place. */
export class ComposeError extends Error {
  override readonly name = "ComposeError";
  readonly path: string;
  readonly problem: string;

  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.path = path;
    this.problem = problem;
  }

  /** The same, with the file, the line and the column before it. */
  at(place: string): Error {
    return new Error(`${place}: ${this.message}`);
  }
}

/**
 * A value of a compose file whose shape has been checked, with the place where it is, for messages.
 * Absent and null are the same.
 */
export class Reading {
  readonly value: Json | undefined;
  readonly path: string;

  constructor(value: Json | undefined, path: string) {
    this.value = value ?? undefined;
    this.path = path;
  }

  get isAbsent(): boolean {
    return this.value === undefined;
  }

  at(key: string): Reading {
    const { value } = this;
    return new Reading(isJsonObject(value) ? value[key] : undefined, `${this.path}.${key}`);
  }

  /** As a mapping; absent is empty. */
  mapping(): JsonObject {
    const { value } = this;
    if (value === undefined) return {};
    if (!isJsonObject(value)) throw this.fail("must be a mapping");
    return value;
  }

  entries(): (readonly [key: string, value: Reading])[] {
    return Object.keys(this.mapping()).map((key) => [key, this.at(key)] as const);
  }

  /** What begins with `x-`. */
  extensions(): Record<`x-${string}`, Json> {
    const own = Object.entries(this.mapping()).filter(([key]) => key.startsWith("x-"));
    return Object.fromEntries(own.map(([key, it]) => [key, it ?? null]));
  }

  /** As a list; absent is empty. */
  list(): Reading[] {
    const { value } = this;
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.fail("must be a list");
    return value.map((it, index) => new Reading(it, `${this.path}[${index}]`));
  }

  text(): string | undefined {
    const { value } = this;
    if (value === undefined) return undefined;
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    throw this.fail("must be a string");
  }

  needed(): string {
    const text = this.text();
    if (text === undefined || text === "") throw this.fail("is required");
    return text;
  }

  flag(): boolean | undefined {
    const { value } = this;
    if (value === undefined || typeof value === "boolean") return value;
    if (typeof value !== "string" || !flagPattern.test(value)) throw this.fail("must be a boolean");
    return /^(true|t|yes|y|on|1)$/i.test(value);
  }

  number(): number | undefined {
    const { value } = this;
    if (value === undefined || typeof value === "number") return value;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
    if (!Number.isFinite(number)) throw this.fail("must be a number");
    return number;
  }

  /** A string, or a list of strings; undefined when absent. */
  texts(): string[] | undefined {
    const { value } = this;
    if (value === undefined) return undefined;
    return Array.isArray(value) ? this.list().map((it) => it.text() ?? "") : [this.needed()];
  }

  /** Undefined when absent. */
  listOf<T>(read: (item: Reading) => T): readonly T[] | undefined {
    return this.isAbsent ? undefined : this.list().map(read);
  }

  oneOf<T extends string>(values: readonly T[]): T | undefined {
    const text = this.text();
    if (text === undefined) return undefined;
    const found = values.find((it) => it === text);
    if (found === undefined) throw this.fail(`must be one of ${values.join(", ")}`);
    return found;
  }

  /** `KEY: value`, or a list of `KEY=value`. A key without a value is null. Undefined when absent. */
  pairs(): Record<string, string | null> | undefined {
    if (this.isAbsent) return undefined;
    if (Array.isArray(this.value)) {
      const pairs = this.list().map((it) => {
        const text = it.text() ?? "";
        const equals = text.indexOf("=");
        return equals < 0
          ? ([text, null] as const)
          : ([text.slice(0, equals), text.slice(equals + 1)] as const);
      });
      return Object.fromEntries(pairs);
    }
    return Object.fromEntries(this.entries().map(([key, it]) => [key, it.text() ?? null]));
  }

  /** As {@link pairs}, where a key without a value has the empty one. */
  labels(): Record<string, string> | undefined {
    const pairs = this.pairs();
    if (pairs === undefined) return undefined;
    return Object.fromEntries(Object.entries(pairs).map(([key, it]) => [key, it ?? ""]));
  }

  /** As {@link pairs}, in words: `KEY=value`, or a key alone. */
  pairTexts(): readonly string[] | undefined {
    const pairs = this.pairs();
    if (pairs === undefined) return undefined;
    return Object.entries(pairs).map(([key, it]) => (it === null ? key : `${key}=${it}`));
  }

  fail(problem: string): ComposeError {
    return new ComposeError(this.path, problem);
  }
}
