/**
 * Patterns of paths as Go's `filepath.Match` reads them: `*` and `?` match within one name, `[a-z]`
 * and `[^a-z]` one character, a backslash takes the meaning from the next one.
 */

interface Token {
  readonly kind: "literal" | "star" | "doubleStar" | "any" | "class";
  /** The character, or the source of the class. */
  readonly text: string;
}

/** @throws {Error} for an open bracket, an empty class, a backslash at the end. */
function tokenize(pattern: string, doubleStars: boolean): Token[] {
  const characters = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*" && doubleStars && characters[at + 1] === "*") {
      at++;
      tokens.push({ kind: "doubleStar", text: "" });
    } else if (character === "*") tokens.push({ kind: "star", text: "" });
    else if (character === "?") tokens.push({ kind: "any", text: "" });
    else if (character === "[") {
      const { source, end } = readClass(characters, at, pattern);
      tokens.push({ kind: "class", text: source });
      at = end;
    } else if (character === "\\") {
      const escaped = characters[++at];
      if (escaped === undefined)
        throw new Error(`syntax error in pattern '${pattern}': it ends in \\`);
      tokens.push({ kind: "literal", text: escaped });
    } else tokens.push({ kind: "literal", text: character });
  }
  return tokens;
}

function readClass(
  characters: readonly string[],
  start: number,
  pattern: string,
): { readonly source: string; readonly end: number } {
  let at = start + 1;
  const negated = characters[at] === "^";
  if (negated) at++;
  function readOne(): string {
    const character = characters[at++];
    const escaped = character === "\\" ? characters[at++] : character;
    const stands = character !== "-" && character !== "]";
    if (escaped === undefined || !stands) {
      throw new Error(
        `syntax error in pattern '${pattern}': the class in brackets is not complete`,
      );
    }
    return escaped;
  }
  let source = "";
  do {
    const low = readOne();
    let high = low;
    if (characters[at] === "-") {
      at++;
      high = readOne();
    }
    // A range that runs backwards has no characters.
    if (low <= high) source += `${quote(low)}-${quote(high)}`;
  } while (characters[at] !== "]");
  return { source: `[${negated ? "^" : ""}${source}]`, end: at };
}

/** A character that means itself in a regular expression with the flag `u`, in a class or not. */
function quote(character: string): string {
  return /[\^$\\.*+?()[\]{}|/-]/.test(character)
    ? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
    : character;
}

function sourceOf(token: Token): string {
  if (token.kind === "literal") return quote(token.text);
  if (token.kind === "star") return "[^/]*";
  return token.kind === "any" ? "[^/]" : token.text;
}

/**
 * As {@link sourceOf}. Of two stars, the first takes no more than it has to, and what it took is not
 * tried again: where a match is, there is one with the first place of what follows it. So the time for
 * a pattern of many stars does not grow with the power of their number.
 */
function sourceAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at];
  if (token === undefined) return "";
  const next = tokens.findIndex((it, index) => index > at && isStar(it));
  if (token.kind === "star" && tokens[next]?.kind === "star") {
    const between = tokens
      .slice(at + 1, next)
      .map(sourceOf)
      .join("");
    // A lookahead is not gone back into; the group takes what it has seen.
    return `(?=(?<star${at}>[^/]*?)${between})\\k<star${at}>`;
  }
  return sourceOf(token);
}

function isStar({ kind }: Token): boolean {
  return kind === "star" || kind === "doubleStar";
}

/** For one whole name or path. @throws {Error} for a broken pattern. */
export function compileGlob(pattern: string): RegExp {
  const tokens = tokenize(pattern, false);
  return new RegExp(`^${tokens.map((_, at) => sourceAt(tokens, at)).join("")}$`, "su");
}

/** Whether a pattern has anything but characters that mean themselves. */
export function hasWildcards(pattern: string): boolean {
  return /(^|[^\\])(\\\\)*[*?[]/.test(pattern);
}

/**
 * As {@link compileGlob}, and `**` matches any number of directories: moby's `patternmatcher`, with
 * its reading of `**name` at the start, which also matches the ends of names.
 * @throws {Error} for a broken pattern.
 */
export function compileDeepGlob(pattern: string): RegExp {
  const tokens = tokenize(pattern, true);
  const [first, ...rest] = tokens;
  if (first?.kind === "doubleStar" && rest.every((it) => it.kind === "literal")) {
    const end = rest.map(sourceOf).join("");
    const inDirectory = rest[0]?.text === "/";
    const source = inDirectory ? `(?:.*/)?${end.slice(quote("/").length)}` : `.*${end}`;
    return new RegExp(`^${source}$`, "su");
  }
  let source = "";
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.kind !== "doubleStar") {
      source += sourceAt(tokens, at);
      continue;
    }
    const slash = tokens[at + 1];
    if (slash?.kind === "literal" && slash.text === "/") at++;
    source += at === tokens.length - 1 ? ".*" : "(?:.*/)?";
  }
  return new RegExp(`^${source}$`, "su");
}
