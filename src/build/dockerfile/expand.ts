import { removePrefix, removeSuffix, replacePattern } from "./shell-pattern.ts";

/** The values that `$name` stands for; undefined for a variable that is not set. */
export type Variables = (name: string) => string | undefined;

export type EscapeCharacter = "\\" | "`";

export interface ExpandOptions {
  readonly escape: EscapeCharacter;
  /** Quotes stay in the result. */
  readonly keepQuotes?: boolean;
  /** Escape characters stay in the result. */
  readonly keepEscapes?: boolean;
  /** Quotes are characters like any other. */
  readonly ignoreQuotes?: boolean;
  /** `$name` stays as it is when it is not set. */
  readonly keepUnset?: boolean;
}

export interface Expansion {
  readonly text: string;
  /** The text split at white space that is neither quoted nor escaped. */
  readonly words: readonly string[];
  /** Variables that the text names and that are set. */
  readonly used: ReadonlySet<string>;
  readonly unset: ReadonlySet<string>;
}

/** Parameters of a shell that are one character long. */
const specialParameters = "@*#?-$!0";

/**
 * Replaces variables and removes quotes and escapes, as Dockerfile instructions do: a subset of the
 * POSIX shell (BuildKit's `frontend/dockerfile/shell`).
 * @throws {Error} that says what is missing.
 */
export function expand(text: string, variables: Variables, options: ExpandOptions): Expansion {
  const used = new Set<string>();
  const unset = new Set<string>();
  function lookUp(name: string): string | undefined {
    const value = variables(name);
    (value === undefined ? unset : used).add(name);
    return value;
  }
  /** For operators that say themselves what an unset variable means. */
  function lookUpQuietly(name: string): string | undefined {
    const value = variables(name);
    if (value !== undefined) used.add(name);
    return value;
  }
  const lexer = new Lexer(text, { lookUp, lookUpQuietly }, options);
  try {
    const result = lexer.readUntil(undefined, options.keepEscapes ?? false);
    return { text: result.text, words: result.words, used, unset };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot expand '${text}': ${reason}`, { cause: error });
  }
}

/** Collects words while a text is read. */
class Words {
  readonly #words: string[] = [];
  #current = "";

  /** White space ends a word. */
  add(text: string): void {
    for (const character of text) {
      if (!/\s/u.test(character)) this.#current += character;
      else this.#end();
    }
  }

  /** White space is part of the word. */
  addQuoted(text: string): void {
    this.#current += text;
  }

  finish(): string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#current !== "") this.#words.push(this.#current);
    this.#current = "";
  }
}

interface LexerVariables {
  readonly lookUp: Variables;
  readonly lookUpQuietly: Variables;
}

class Lexer {
  readonly #characters: readonly string[];
  readonly #variables: LexerVariables;
  readonly #options: ExpandOptions;
  #at = 0;

  constructor(text: string, variables: LexerVariables, options: ExpandOptions) {
    this.#characters = Array.from(text);
    this.#variables = variables;
    this.#options = options;
  }

  /** @param end the character that ends the text; undefined for the end of all. */
  readUntil(end: string | undefined, keepEscapes: boolean): { text: string; words: string[] } {
    const words = new Words();
    let text = "";
    for (;;) {
      const character = this.#peek();
      if (character === undefined) break;
      if (character === end) {
        this.#at++;
        return { text, words: words.finish() };
      }
      if (character === "$") {
        const value = this.#readDollar();
        text += value;
        words.add(value);
        continue;
      }
      const quoted = this.#readSpecial(character, keepEscapes);
      if (quoted !== undefined) {
        text += quoted;
        words.addQuoted(quoted);
        continue;
      }
      this.#at++;
      if (character !== this.#options.escape) {
        text += character;
        words.add(character);
        continue;
      }
      const escaped = this.#next();
      // An escape character before nothing is nothing, unless it is to be kept.
      const kept = `${keepEscapes ? character : ""}${escaped ?? ""}`;
      text += kept;
      words.addQuoted(kept);
    }
    if (end !== undefined) throw new Error(`syntax error: missing '${end}'`);
    return { text, words: words.finish() };
  }

  /** Quotes and the `<<` of a heredoc; undefined when it is none of them. */
  #readSpecial(character: string, keepEscapes: boolean): string | undefined {
    if (character === "<") return this.#readHeredocMark();
    if (this.#options.ignoreQuotes === true) return undefined;
    if (character === "'") return this.#readSingleQuoted();
    if (character === '"') return this.#readDoubleQuoted(keepEscapes);
    return undefined;
  }

  /** The white space between `<<` and its word belongs to the word. */
  #readHeredocMark(): string {
    this.#at++;
    if (this.#peek() !== "<") return "<";
    this.#at++;
    const start = this.#at;
    while (/^[\t\r ]$/.test(this.#peek() ?? "")) this.#at++;
    return `<<${this.#characters.slice(start, this.#at).join("")}`;
  }

  #readSingleQuoted(): string {
    const start = this.#at + 1;
    const end = this.#characters.indexOf("'", start);
    if (end === -1) throw new Error("missing the closing single quote");
    this.#at = end + 1;
    const inner = this.#characters.slice(start, end).join("");
    return this.#options.keepQuotes === true ? `'${inner}'` : inner;
  }

  #readDoubleQuoted(keepEscapes: boolean): string {
    const { escape, keepQuotes } = this.#options;
    this.#at++;
    let text = "";
    for (;;) {
      const character = this.#peek();
      if (character === undefined) throw new Error("missing the closing double quote");
      if (character === "$") {
        text += this.#readDollar();
        continue;
      }
      this.#at++;
      if (character === '"') return keepQuotes === true ? `"${text}"` : text;
      if (character !== escape) {
        text += character;
        continue;
      }
      const next = this.#peek();
      if (keepEscapes) text += character;
      if (next === undefined) continue;
      if (next === '"' || next === "$" || next === escape) {
        this.#at++;
        text += next;
      } else text += character;
    }
  }

  #readDollar(): string {
    this.#at++;
    if (this.#peek() !== "{") {
      const name = this.#readName();
      if (name === "") return "$";
      const value = this.#variables.lookUp(name);
      return value ?? (this.#options.keepUnset === true ? `$${name}` : "");
    }
    this.#at++;
    const first = this.#peek();
    if (first === undefined) throw new Error("syntax error: missing '}'");
    if ("{}:".includes(first)) throw new Error("syntax error: bad substitution");
    const name = this.#readName();
    const operator = this.#next() ?? "";
    if (operator === "}") {
      const value = this.#variables.lookUp(name);
      return value ?? (this.#options.keepUnset === true ? `\${${name}}` : "");
    }
    if (operator === "/") return this.#readReplacement(name);
    return this.#readModifier(name, operator);
  }

  /** `${name:-word}` and its kin, from behind the operator's first character. */
  #readModifier(name: string, first: string): string {
    const emptyIsUnset = first === ":";
    const operator = emptyIsUnset ? (this.#next() ?? "") : first;
    const written = emptyIsUnset ? `:${operator}` : operator;
    const trims = operator === "#" || operator === "%";
    if (operator === "" || !"+-?#%".includes(operator) || (emptyIsUnset && trims)) {
      throw new Error(
        `unsupported modifier (${written}) in substitution: expected }, :-, -, :+, +, :?, ?, #, ##, %, %%, / or //`,
      );
    }
    const word = this.readUntil("}", trims).text;
    const { lookUp, lookUpQuietly } = this.#variables;
    const value = trims ? lookUp(name) : lookUpQuietly(name);
    if (value === undefined && this.#options.keepUnset === true) {
      return `\${${name}${written}${word}}`;
    }
    return modify({ name, value, operator, word, emptyIsUnset });
  }

  #readReplacement(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const pattern = this.readUntil("/", true).text;
    const replacement = this.readUntil("}", true).text;
    const value = this.#variables.lookUp(name);
    if (value === undefined && this.#options.keepUnset === true) {
      return `\${${name}/${pattern}/${replacement}}`;
    }
    return replacePattern(value ?? "", pattern, replacement, all);
  }

  #readName(): string {
    const start = this.#at;
    const first = this.#peek() ?? "";
    if (/^\p{Nd}$/u.test(first)) this.#skip(/^\p{Nd}$/u);
    else if (first !== "" && specialParameters.includes(first)) this.#at++;
    else this.#skip(/^[\p{L}\p{Nd}_]$/u);
    return this.#characters.slice(start, this.#at).join("");
  }

  #skip(pattern: RegExp): void {
    while (pattern.test(this.#peek() ?? "")) this.#at++;
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string | undefined {
    return this.#characters[this.#at++];
  }
}

/** What `${name<operator>word}` stands for. */
function modify(it: {
  readonly name: string;
  readonly value: string | undefined;
  readonly operator: string;
  readonly word: string;
  /** The operator is written with a colon. */
  readonly emptyIsUnset: boolean;
}): string {
  const { name, value, operator, word } = it;
  const isSet = value !== undefined && !(it.emptyIsUnset && value === "");
  if (operator === "-") return isSet ? value : word;
  if (operator === "+") return isSet ? word : "";
  if (operator === "?") {
    if (isSet) return value;
    const what = value === undefined ? "is not allowed to be unset" : "is not allowed to be empty";
    throw new Error(`${name}: ${word === "" ? what : word}`);
  }
  const longest = word.startsWith(operator);
  const pattern = longest ? word.slice(1) : word;
  const remove = operator === "%" ? removeSuffix : removePrefix;
  return remove(value ?? "", pattern, longest);
}
