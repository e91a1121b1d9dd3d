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

/** Damerau's distance, in insertions, deletions, replacements and swaps of neighbours. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 0; at < from.length; at++) {
    const next = [at + 1];
    for (let column = 0; column < to.length; column++) {
      const replaced = (row[column] ?? 0) + (from[at] === to[column] ? 0 : 1);
      let cost = Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1);
      const isSwap = at > 0 && from[at] === to[column - 1] && from[at - 1] === to[column];
      if (isSwap) cost = Math.min(cost, (before[column - 1] ?? 0) + 1);
      next.push(cost);
    }
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
