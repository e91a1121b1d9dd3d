import { suggestion } from "#base/suggest.ts";

/** What kind of value a flag takes; `many` may be given more than once. */
export type FlagKind = "text" | "many" | "boolean";

/** The flags that an instruction was given, by name. */
export class Flags {
  readonly #values = new Map<string, string[]>();

  /** @throws {Error} for a flag that is not in `known`, given twice, or without its value. */
  constructor(flags: readonly string[], known: Readonly<Record<string, FlagKind>>) {
    for (const flag of flags) {
      const [, name = "", equals = "", value = ""] = /^--([^=]*)(=?)([\s\S]*)$/.exec(flag) ?? [];
      const kind = Object.hasOwn(known, name) ? known[name] : undefined;
      if (kind === undefined) throw new Error(unknownFlag(name, Object.keys(known)));
      const before = this.#values.get(name) ?? [];
      if (kind !== "many" && before.length > 0) {
        throw new Error(`duplicate flag specified: --${name}`);
      }
      this.#values.set(name, [...before, readValue(name, kind, { equals, value })]);
    }
  }

  /** The empty text when it was not given. */
  text(name: string): string {
    return this.#values.get(name)?.[0] ?? "";
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** Undefined when it was not given. */
  boolean(name: string): boolean | undefined {
    const value = this.#values.get(name)?.[0];
    return value === undefined ? undefined : value === "true";
  }
}

function unknownFlag(name: string, known: readonly string[]): string {
  const names = known.map((it) => `--${it}`);
  const expected = names.length === 0 ? "none is allowed here" : `expected ${names.join(", ")}`;
  return `unknown flag: --${name}${suggestion(`--${name}`, names)}: ${expected}`;
}

function readValue(
  name: string,
  kind: FlagKind,
  written: { readonly equals: string; readonly value: string },
): string {
  const missing =
    kind === "boolean" ? written.equals !== "" && written.value === "" : written.equals === "";
  if (missing) throw new Error(`missing a value on flag: --${name}`);
  if (kind !== "boolean") return written.value;
  const value = written.value.toLowerCase();
  if (value === "" || value === "true") return "true";
  if (value === "false") return "false";
  throw new Error(`expecting boolean value for flag --${name}, not: ${written.value}`);
}
