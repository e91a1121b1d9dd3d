/** A list like `1,3-5` as a set; intervals from `limit` on are left out. Upstream: `parseIndexesFromString`. */
export function parseIndexes(text: string | undefined, limit: number): Set<number> {
  const found = new Set<number>();
  for (const interval of (text ?? "").split(",")) {
    if (interval === "") continue;
    const [first = "", last = first] = interval.split("-");
    const end = Math.min(Number(last), limit - 1);
    for (let index = Number(first); index <= end; index += 1) found.add(index);
  }
  return found;
}

/** The shortest list that names the indexes; intervals of two are written as two. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length;) {
    const first = sorted[at] ?? 0;
    let end = at;
    while (sorted[end + 1] === first + (end + 1 - at)) end += 1;
    const last = sorted[end] ?? first;
    if (last === first) parts.push(String(first));
    else parts.push(last === first + 1 ? `${first},${last}` : `${first}-${last}`);
    at = end + 1;
  }
  return parts.join(",");
}
