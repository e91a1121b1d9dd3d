import type { Json, JsonObject } from "#api/object.ts";
import { formatYaml } from "#api/yaml.ts";

/** Airflow's forms of output. */
export type OutputForm = "table" | "json" | "yaml" | "plain";

export const outputForms: readonly OutputForm[] = ["table", "json", "yaml", "plain"];

/** Rows in a form; all have the same columns, in order. */
export function formatRows(rows: readonly JsonObject[], form: OutputForm): string {
  if (form === "json") return `${JSON.stringify(rows)}\n`;
  if (form === "yaml") return formatYaml(rows as Json);
  if (rows.length === 0) return form === "table" ? "No data found\n" : "";
  const names = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => names.map((it) => cell(row[it])));
  return form === "plain" ? plain(names, cells) : table(names, cells);
}

function cell(value: Json | undefined): string {
  if (value === undefined || value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function widthsOf(names: readonly string[], cells: readonly (readonly string[])[]): number[] {
  return names.map((name, at) =>
    Math.max(name.length, ...cells.map((row) => (row[at] ?? "").length)),
  );
}

function plain(names: readonly string[], cells: readonly (readonly string[])[]): string {
  const widths = widthsOf(names, cells);
  const line = (row: readonly string[]): string =>
    `${row
      .map((it, at) => it.padEnd(widths[at] ?? 0))
      .join(" ")
      .trimEnd()}\n`;
  return [names, ...cells].map(line).join("");
}

function table(names: readonly string[], cells: readonly (readonly string[])[]): string {
  const widths = widthsOf(names, cells);
  const line = (row: readonly string[]): string =>
    `${row
      .map((it, at) => it.padEnd(widths[at] ?? 0))
      .join(" | ")
      .trimEnd()}\n`;
  const rule = `${widths.map((it) => "=".repeat(it)).join("=+=")}\n`;
  return line(names) + rule + cells.map(line).join("");
}
