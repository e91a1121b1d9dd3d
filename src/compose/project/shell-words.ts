import type { Reading } from "./reading.ts";

/**
 * Splits a command line as a shell would, without variables and patterns: blanks, both quotes,
 * backslashes. @throws {Error} for a quote that does not end.
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(line, at + 1, character);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (character === "\\") {
      word = (word ?? "") + line.charAt(++at);
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

function readQuoted(
  line: string,
  start: number,
  quote: string,
): { readonly text: string; readonly end: number } {
  let text = "";
  for (let at = start; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === quote) return { text, end: at };
    // Within double quotes a backslash is one, unless it protects something.
    const isEscape = quote === '"' && character === "\\" && /["\\$`\n]/.test(line.charAt(at + 1));
    text += isEscape ? line.charAt(++at) : character;
  }
  throw new Error(`the closing ${quote} is missing in: ${line}`);
}

/** A command line, or its words; undefined when absent. */
export function wordsOf(at: Reading): readonly string[] | undefined {
  if (at.isAbsent) return undefined;
  if (Array.isArray(at.value)) return at.texts();
  try {
    return shellWords(at.text() ?? "");
  } catch (error) {
    throw at.fail((error as Error).message);
  }
}
