/** Changes of one letter after which a word is still taken for a slip of another. */
const editsMax = 2;

/** ` (did you mean X?)` for the nearest of `names`; the empty text when none is near. */
export function suggestion(word: string, names: readonly string[]): string {
  let best: string | undefined;
  let edits = Math.min(editsMax, Math.ceil(word.length / 2)) + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance > 0 && distance < edits) [best, edits] = [name, distance];
  }
  return best === undefined ? "" : ` (did you mean ${best}?)`;
}

/** Levenshtein's distance, in insertions, deletions and replacements. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(to).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
