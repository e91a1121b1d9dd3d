/** Text that a POSIX shell takes as one word as it is. */
export function quoteWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command of a shell script. */
export function commandLine(...words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}
