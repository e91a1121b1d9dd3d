/** One line of a table: its name, and a figure or a word for each column. */
export interface Row {
  readonly name: string;
  readonly figures: Readonly<Record<string, number | string>>;
}

/** Prints an aligned table; columns are all that the rows name, in the order of their first use. */
export function printTable(title: string, rows: readonly Row[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))];
  const cells = [
    ["", ...columns],
    ...rows.map((row) => [row.name, ...columns.map((it) => text(row.figures[it]))]),
  ];
  const widths = ["", ...columns].map((_, at) =>
    Math.max(...cells.map((line) => line[at]?.length ?? 0)),
  );
  console.log(`\n${title}`);
  for (const line of cells) {
    const padded = line.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    );
    console.log(`  ${padded.join("  ")}`.trimEnd());
  }
}

function text(figure: number | string | undefined): string {
  if (figure === undefined) return "";
  if (typeof figure === "string") return figure;
  if (Math.abs(figure) >= 1_000) return Math.round(figure).toLocaleString("en-US");
  if (Math.abs(figure) >= 100) return figure.toFixed(0);
  return figure.toFixed(Math.abs(figure) >= 10 ? 1 : 2);
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @param sorted ascending. 0 for none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

/** The median of each figure over several runs of the same thing. */
export function medians<K extends string>(runs: readonly Record<K, number>[]): Record<K, number> {
  const keys = Object.keys(runs[0] ?? {}) as K[];
  const entries = keys.map((key) => [key, median(runs.map((run) => run[key]))] as const);
  return Object.fromEntries(entries) as Record<K, number>;
}
