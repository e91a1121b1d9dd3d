import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";

/** A compose file that says what it may not; the message begins with the place. */
export class ComposeError extends Error {
  override readonly name = "ComposeError";

  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
  }
}

/** A value of a compose file with the place where it is, for messages. Absent and null are the same. */
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

  /** As a mapping; absent is empty. `known`: the keys it may have, besides those with `x-`. */
  mapping(known?: readonly string[]): JsonObject {
    const { value } = this;
    if (value === undefined) return {};
    if (!isJsonObject(value)) throw this.fail("must be a mapping");
    const unknown = Object.keys(value).find(
      (it) => known?.includes(it) === false && !isExtension(it),
    );
    if (unknown !== undefined) throw this.fail(`additional properties '${unknown}' not allowed`);
    return value;
  }

  /** The entries of a mapping, without extensions. */
  entries(): (readonly [key: string, value: Reading])[] {
    return Object.keys(this.mapping())
      .filter((it) => !isExtension(it))
      .map((key) => [key, this.at(key)] as const);
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
    if (typeof value === "string") {
      if (/^(true|yes|y|on|1)$/i.test(value)) return true;
      if (/^(false|no|n|off|0)$/i.test(value)) return false;
    }
    throw this.fail("must be a boolean");
  }

  number(): number | undefined {
    const { value } = this;
    if (value === undefined || typeof value === "number") return value;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
    if (!Number.isFinite(number)) throw this.fail("must be a number");
    return number;
  }

  /** A string, or a list of strings. */
  texts(): string[] {
    const { value } = this;
    if (!Array.isArray(value)) return value === undefined ? [] : [this.needed()];
    return this.list().map((it) => it.text() ?? "");
  }

  oneOf<T extends string>(values: readonly T[]): T | undefined {
    const text = this.text();
    if (text === undefined) return undefined;
    const found = values.find((it) => it === text);
    if (found === undefined) throw this.fail(`must be one of ${values.join(", ")}`);
    return found;
  }

  /** `KEY: value`, or a list of `KEY=value`. A key without a value is null. */
  pairs(): Record<string, string | null> {
    if (Array.isArray(this.value)) {
      const pairs = this.list().map((it) => {
        const text = it.needed();
        const equals = text.indexOf("=");
        return equals < 0
          ? ([text, null] as const)
          : ([text.slice(0, equals), text.slice(equals + 1)] as const);
      });
      return Object.fromEntries(pairs);
    }
    const keys = Object.keys(this.mapping());
    return Object.fromEntries(keys.map((key) => [key, this.at(key).text() ?? null]));
  }

  /** As {@link pairs}, where a key without a value has the empty one. Undefined when absent. */
  labels(): Record<string, string> | undefined {
    if (this.isAbsent) return undefined;
    return Object.fromEntries(Object.entries(this.pairs()).map(([key, it]) => [key, it ?? ""]));
  }

  fail(problem: string): ComposeError {
    return new ComposeError(this.path, problem);
  }
}

function isExtension(key: string): boolean {
  return key.startsWith("x-");
}
