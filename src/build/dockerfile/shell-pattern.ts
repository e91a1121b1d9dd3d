/**
 * Patterns of `${name#pattern}` and its kin: `*`, `?` and `\` before one of them; no brackets.
 * BuildKit's reading of the shell's pattern notation.
 */

/** Characters that mean something to a regular expression and nothing to a pattern. */
const special = new Set("[]{}.+()|^$/");

/** @throws {Error} for a backslash before anything that needs none. */
function toExpression(pattern: string, greedy: boolean, flags: string): RegExp {
  const characters = Array.from(pattern);
  let source = "";
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    const next = characters[at + 1] ?? "";
    if (character === "*") source += greedy ? ".*" : ".*?";
    else if (character === "?") source += ".";
    else if (character === "\\") {
      // Needed to write } and / inside of ${}; no part of the pattern.
      if (next === "}" || next === "/") continue;
      if (next === "" || !"*?\\".includes(next)) {
        throw new Error(`invalid escape '\\${next}' in the pattern '${pattern}'`);
      }
      source += `\\${next}`;
      at++;
    } else source += special.has(character) ? `\\${character}` : character;
  }
  return new RegExp(source, flags);
}

/** @throws {Error} for a broken pattern. */
export function removePrefix(value: string, pattern: string, longest: boolean): string {
  const match = toExpression(pattern, longest, "uy").exec(value);
  return match === null ? value : value.slice(match[0].length);
}

/** @throws {Error} for a broken pattern. */
export function removeSuffix(value: string, pattern: string, longest: boolean): string {
  // The shortest match at the end is the shortest at the start of both reversed.
  return reverse(removePrefix(reverse(value), reversePattern(pattern), longest));
}

/** @throws {Error} for a broken pattern. */
export function replacePattern(
  value: string,
  pattern: string,
  replacement: string,
  all: boolean,
): string {
  return value.replace(toExpression(pattern, true, all ? "gu" : "u"), () => replacement);
}

function reverse(text: string): string {
  return Array.from(text).toReversed().join("");
}

/** Keeps a backslash before what it escapes. */
function reversePattern(pattern: string): string {
  return (pattern.match(/\\[\s\S]|[\s\S]/gu) ?? []).toReversed().join("");
}
