/** What a variable stands for; undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface Interpolated {
  readonly text: string;
  /** Variables without a value, for which the text has nothing. */
  readonly unset: readonly string[];
}

/** A text whose variables cannot be resolved. */
export class InterpolationError extends Error {
  override readonly name = "InterpolationError";
}

/** Variables within the defaults of variables. */
const nestingMax = 64;
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*/;

/**
 * Replaces `$NAME`, `${NAME}` and the forms `:-` `-` `:?` `?` `:+` `+`, whose second part may have
 * variables again; `$$` is a dollar sign. Compose specification, "Interpolation".
 * @throws {InterpolationError} for a malformed variable, and for a required one without a value.
 */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  if (!text.includes("$")) return { text, unset: [] };
  const unset: string[] = [];
  return { text: new Scanner(text, lookup, unset).all(), unset };
}

class Scanner {
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #unset: string[];
  #at = 0;

  constructor(text: string, lookup: Lookup, unset: string[]) {
    this.#text = text;
    this.#lookup = lookup;
    this.#unset = unset;
  }

  all(): string {
    return this.#until("", 0);
  }

  /** Text up to the closing character, which is taken; up to the end when there is none to come. */
  #until(closing: string, depth: number): string {
    if (depth > nestingMax) throw this.#malformed();
    let result = "";
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at++);
      if (character === closing) return result;
      result += character === "$" ? this.#variable(depth) : character;
    }
    if (closing !== "") throw this.#malformed();
    return result;
  }

  #variable(depth: number): string {
    if (this.#text.charAt(this.#at) === "$") {
      this.#at++;
      return "$";
    }
    const isBraced = this.#text.charAt(this.#at) === "{";
    if (isBraced) this.#at++;
    const name = namePattern.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) throw this.#malformed();
    this.#at += name.length;
    return isBraced ? this.#braced(name, depth) : this.#plain(name);
  }

  #plain(name: string): string {
    const value = this.#lookup(name);
    if (value === undefined) this.#unset.push(name);
    return value ?? "";
  }

  #braced(name: string, depth: number): string {
    const [operator = ""] = /^:?[-?+]/.exec(this.#text.slice(this.#at)) ?? [];
    if (operator === "") {
      if (this.#text.charAt(this.#at++) !== "}") throw this.#malformed();
      return this.#plain(name);
    }
    this.#at += operator.length;
    // What is not needed is read all the same, but its variables are not missed.
    const missedBefore = this.#unset.length;
    const word = this.#until("}", depth + 1);
    const value = this.#lookup(name);
    const isSet = value !== undefined && !(operator.startsWith(":") && value === "");
    const usesWord = operator.endsWith("+") ? isSet : !isSet;
    if (!usesWord) {
      this.#unset.length = missedBefore;
      return operator.endsWith("+") ? "" : (value ?? "");
    }
    if (!operator.endsWith("?")) return word;
    const why = word === "" ? "" : `: ${word}`;
    throw new InterpolationError(`required variable ${name} is missing a value${why}`);
  }

  #malformed(): InterpolationError {
    return new InterpolationError(
      `invalid interpolation format: ${JSON.stringify(this.#text)}; a dollar sign is written $$`,
    );
  }
}
