import { formatTable } from "#base/docker-format.ts";
import { fillParsed } from "./evaluate.ts";
import { headFunctions } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import { isFields, jsonOf, showValue, type Fields } from "./values.ts";

/**
 * Rows in the form that `--format` asks for: `table`, `table {{…}}`, `json` or a template, in which
 * `\t` and `\n` are what they are in Go's texts.
 * @param titles of the columns of a plain table, in their order; a template may show others.
 * @throws {TemplateError}
 */
export function formatRows<R extends Fields>(
  rows: readonly R[],
  titles: Readonly<Partial<Record<keyof R & string, string>>>,
  format = "table",
): string {
  if (format === "json") return rows.map((it) => `${jsonOf(sorted(it))}\n`).join("");
  const [, template] = /^table(?:\s+(.+))?$/s.exec(unescaped(format)) ?? [];
  if (template !== undefined) return templateTable(template, rows, titles);
  if (format !== "table") {
    const nodes = parseTemplate(unescaped(format));
    return rows.map((it) => `${fillParsed(nodes, it)}\n`).join("");
  }
  const columns = Object.keys(titles);
  return formatTable([
    columns.map((it) => titles[it] ?? ""),
    ...rows.map((row) => columns.map((it) => showValue(row[it] ?? ""))),
  ]);
}

function unescaped(format: string): string {
  return format.trim().replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

/** As Go writes a map; what is asked for by a function has no value of its own. */
function sorted(row: Fields): Fields {
  const entries = Object.entries(row).filter(([, value]) => typeof value !== "function");
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function templateTable(
  template: string,
  rows: readonly Fields[],
  titles: Readonly<Record<string, string | undefined>>,
): string {
  const nodes = parseTemplate(template);
  const [row = {}] = rows;
  const names = new Set([...Object.keys(row), ...Object.keys(titles)]);
  const head = Object.fromEntries([...names].map((it) => [it, titleOf(it, row[it], titles[it])]));
  const lines = [
    fillParsed(nodes, head, headFunctions),
    ...rows.map((it) => fillParsed(nodes, it)),
  ];
  return formatTable(lines.flatMap((it) => it.split("\n")).map((it) => it.split("\t")));
}

/** A label's column is called as the last part of its name. */
function titleOf(name: string, value: unknown, title: string | undefined): unknown {
  if (typeof value === "function") {
    return (label: unknown) => String(label).split(".").at(-1)?.replaceAll(/[-_]/g, " ") ?? "";
  }
  const words = name.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toUpperCase();
  return isFields(value) ? {} : (title ?? words);
}
