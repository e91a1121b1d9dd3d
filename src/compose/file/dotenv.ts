import { interpolate, type Lookup } from "./interpolation.ts";

/** A line of an environment file that says nothing. */
export class DotenvError extends Error {
  override readonly name = "DotenvError";

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
  }
}

const namePattern = /^[\p{L}\p{N}_.\-[\]]+$/u;

/**
 * Reads an environment file: `NAME=value` or `NAME: value`, comments, quotes (double ones with
 * escapes, single ones as they are, both over several lines), variables of `lookup`, which win, and
 * of the file itself. A name alone takes its value from `lookup`, and is left out when it has none.
 * Upstream: compose-go `dotenv/parser.go`. @throws {DotenvError} naming the line.
 */
export function parseDotenv(text: string, lookup: Lookup): ReadonlyMap<string, string> {
  return new Parser(text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n"), lookup).all();
}

class Parser {
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #found = new Map<string, string>();
  #at = 0;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = lookup;
  }

  all(): ReadonlyMap<string, string> {
    for (;;) {
      this.#skip(/[\s]*/y);
      if (this.#at >= this.#text.length) return this.#found;
      if (this.#text.charAt(this.#at) === "#") this.#skip(/[^\n]*/y);
      else this.#statement();
    }
  }

  #statement(): void {
    this.#skip(/export[^\S\n]+/y);
    const [head = ""] = this.#skip(/[^=:\n]*/y);
    const name = head.trim();
    if (!namePattern.test(name)) throw this.#fail("expected NAME=value");
    const separator = this.#text.charAt(this.#at++);
    if (separator === "\n" || separator === "") {
      const inherited = this.#lookup(name);
      if (inherited !== undefined) this.#found.set(name, inherited);
      return;
    }
    this.#skip(/[^\S\n]*/y);
    const quote = this.#text.charAt(this.#at);
    if (quote === '"') this.#found.set(name, this.#expanded(unescape(this.#quoted(quote))));
    else if (quote === "'") this.#found.set(name, this.#quoted(quote));
    else this.#found.set(name, this.#unquoted());
  }

  #unquoted(): string {
    const [line = ""] = this.#skip(/[^\n]*/y);
    const comment = line.indexOf(" #");
    const value = (comment < 0 ? line : line.slice(0, comment)).trimEnd();
    return this.#expanded(value);
  }

  /** Up to the closing quote, which a backslash protects. */
  #quoted(quote: string): string {
    const start = this.#at++;
    let text = "";
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at++);
      if (character === quote) return text;
      if (character !== "\\") {
        text += character;
        continue;
      }
      const next = this.#text.charAt(this.#at++);
      text += next === quote ? next : character + next;
    }
    this.#at = start;
    throw this.#fail(`the closing ${quote} is missing`);
  }

  #expanded(value: string): string {
    const resolve: Lookup = (name) => this.#lookup(name) ?? this.#found.get(name);
    try {
      return interpolate(value, resolve).text;
    } catch (error) {
      throw this.#fail((error as Error).message);
    }
  }

  #skip(pattern: RegExp): readonly string[] {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? [];
    this.#at += found[0]?.length ?? 0;
    return found;
  }

  #fail(problem: string): DotenvError {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    return new DotenvError(line, problem);
  }
}

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  $: "$$",
  '"': '"',
  "\\": "\\",
};

/** The escapes of a shell's `echo -e`; what else has a backslash keeps it. */
function unescape(text: string): string {
  return text.replaceAll(/\\(?:([abfnrtv$"\\])|0(\d{3}))/g, (_, letter?: string, octal?: string) =>
    letter === undefined
      ? String.fromCharCode(Number.parseInt(octal ?? "0", 8))
      : (escapes[letter] ?? letter),
  );
}
