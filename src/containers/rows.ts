import { formatTable } from "#base/docker-format.ts";
import { fillTemplate } from "./template.ts";

/**
 * Rows in the form that `--format` asks for: `table`, `table {{…}}`, `json` or a template.
 * @param titles of the columns of a plain table, in their order. @throws {UsageError}
 */
export function formatRows<R extends Readonly<Record<string, string>>>(
  rows: readonly R[],
  titles: Readonly<Partial<Record<keyof R & string, string>>>,
  format = "table",
): string {
  if (format === "json") return rows.map((it) => `${JSON.stringify(it)}\n`).join("");
  const [, template] = /^table(?:\s+(.+))?$/s.exec(format) ?? [];
  if (template !== undefined) return formatTable(templateTable(template, rows, titles));
  if (format !== "table") return rows.map((it) => `${fillTemplate(format, it)}\n`).join("");
  const columns = Object.keys(titles);
  return formatTable([
    columns.map((it) => titles[it] ?? ""),
    ...rows.map((row) => columns.map((it) => row[it] ?? "")),
  ]);
}

function templateTable(
  template: string,
  rows: readonly Readonly<Record<string, string>>[],
  titles: Readonly<Record<string, string | undefined>>,
): string[][] {
  const columns = template.replaceAll("\\t", "\t").split("\t");
  const title = (it: string): string =>
    it.replaceAll(
      /\{\{\s*\.(\w+)\s*\}\}/g,
      (_, name: string) => titles[name] ?? name.toUpperCase(),
    );
  return [columns.map(title), ...rows.map((row) => columns.map((it) => fillTemplate(it, row)))];
}
