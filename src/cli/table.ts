/** Columns with three spaces between them, as kubectl prints them. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [header.map((it) => it.toUpperCase()), ...rows];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((it) => (it[column] ?? "").length)),
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** The part of `meta.k8s.io/v1 Table` that is printed. */
export interface WireTable {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows?: readonly {
    readonly cells: readonly unknown[];
    readonly object?: {
      readonly metadata?: {
        readonly name?: string;
        readonly namespace?: string;
        readonly labels?: Readonly<Record<string, string>>;
      };
    };
  }[];
}

export interface TableView {
  readonly wide: boolean;
  readonly withNamespace: boolean;
  readonly withLabels: boolean;
}

/** Undefined when there is nothing to show. */
export function formatWireTable(table: WireTable, view: TableView): string | undefined {
  const rows = table.rows ?? [];
  if (rows.length === 0) return undefined;
  const shown = table.columnDefinitions
    .map((definition, at) => ({ name: definition.name, at, priority: definition.priority ?? 0 }))
    .filter((it) => view.wide || it.priority === 0);
  const header = [
    ...(view.withNamespace ? ["namespace"] : []),
    ...shown.map((it) => it.name),
    ...(view.withLabels ? ["labels"] : []),
  ];
  const lines = rows.map(({ cells, object }) => [
    ...(view.withNamespace ? [object?.metadata?.namespace ?? ""] : []),
    ...shown.map((it) => show(cells[it.at])),
    ...(view.withLabels ? [formatLabels(object?.metadata?.labels)] : []),
  ]);
  return formatTable(header, lines);
}

function show(cell: unknown): string {
  if (cell === null || cell === undefined || cell === "") return "";
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}

function formatLabels(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? "<none>" : pairs.join(",");
}
