/**
 * How many indexes a list like `1,3-5` names, below `completions`; a text that says what is wrong
 * with it otherwise. Upstream: `validateIndexesFormat`.
 */
export function countIndexes(text: string, completions: number): number | string {
  if (text === "") return 0;
  let total = 0;
  let last = -1;
  for (const interval of text.split(",")) {
    const parsed = parseInterval(interval, completions);
    if (typeof parsed === "string") return parsed;
    const [first, end] = parsed;
    if (last >= first) return `non-increasing order, previous: ${last}, current: ${first}`;
    total += end - first + 1;
    last = end;
  }
  return total;
}

function parseInterval(text: string, completions: number): readonly [number, number] | string {
  const limits = text.split("-");
  const quoted = JSON.stringify(text);
  if (limits.length > 2) {
    return `the fragment ${quoted} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  const numbers: number[] = [];
  for (const limit of limits) {
    const shown = JSON.stringify(limit);
    if (!/^[0-9]+$/.test(limit)) return `cannot convert string to integer for index: ${shown}`;
    if (Number(limit) >= completions) return `too large index: ${shown}`;
    numbers.push(Number(limit));
  }
  const [first = 0, last = first] = numbers;
  if (limits.length > 1 && first >= last) {
    return `non-increasing order, previous: ${first}, current: ${last}`;
  }
  return [first, last];
}
