import { UsageError } from "./usage-error.ts";

/** What a template may show of one thing. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * The part of Go's templates that people use with `--format`: `{{.Names}}`, `{{.State.ExitCode}}`,
 * `{{json .}}`, `{{json .State}}`, `{{index .Labels "a"}}`, `\\t` and `\\n`.
 * @throws {UsageError} for anything else.
 */
export function fillTemplate(template: string, fields: Fields): string {
  return template
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n")
    .replaceAll(/\{\{-?\s*(.*?)\s*-?\}\}/g, (_, expression: string) =>
      evaluate(expression, fields),
    );
}

function evaluate(expression: string, fields: Fields): string {
  const [, path] = /^(\.[\w.]*)$/.exec(expression) ?? [];
  if (path !== undefined) return show(at(fields, path, expression));
  const [, jsonPath] = /^json\s+(\.[\w.]*)$/.exec(expression) ?? [];
  if (jsonPath !== undefined) return asJson(at(fields, jsonPath, expression));
  const [, base, key] = /^index\s+(\.[\w.]*)\s+"([^"]*)"$/.exec(expression) ?? [];
  if (base !== undefined && key !== undefined) {
    const value = at(fields, base, expression);
    return isFields(value) ? show(value[key] ?? "") : "";
  }
  throw new UsageError(
    `template: '{{${expression}}}' is not understood; {{.Field}}, {{json .Field}} and {{index .Field "key"}} are`,
  );
}

function at(fields: Fields, path: string, expression: string): unknown {
  let value: unknown = fields;
  for (const name of path.split(".").filter((it) => it !== "")) {
    if (!isFields(value) || !(name in value)) {
      throw new UsageError(`template: {{${expression}}}: there is no field ${name}`);
    }
    value = value[name];
  }
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** As Go prints it, where people look: texts, numbers; anything else as JSON. */
function show(value: unknown): string {
  return typeof value === "string" ? value : asJson(value);
}

function asJson(value: unknown): string {
  return value === undefined ? "null" : JSON.stringify(value);
}
