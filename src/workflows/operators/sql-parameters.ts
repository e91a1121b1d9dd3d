import { isJsonObject, type Json } from "#api/object.ts";
import type { Value } from "#sql/database.ts";

/** Quoted texts and comments, and what may stand for a parameter outside of them. */
const pattern =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|::|%%|%s|\?|%\((\w+)\)s|:([A-Za-z_]\w*)/g;

/**
 * Puts `?` where a statement has its parameters: `?` or `%s` for a list, `:name` or `%(name)s` for a
 * mapping. A statement without parameters stays as it is.
 * @throws {Error} naming a parameter that has no value.
 */
export function bindParameters(
  sql: string,
  parameters: Json | undefined,
): { readonly sql: string; readonly values: readonly Value[] } {
  if (parameters === undefined || parameters === null) return { sql, values: [] };
  const list = Array.isArray(parameters) ? parameters : undefined;
  const named = isJsonObject(parameters) ? parameters : {};
  const values: Value[] = [];
  const bound = sql.replaceAll(
    pattern,
    (found: string, _: unknown, percent?: string, colon?: string) => {
      if (found === "%%") return "%";
      const name = percent ?? colon;
      if (name !== undefined && list === undefined) {
        if (!Object.hasOwn(named, name)) throw new Error(`parameter '${name}' has no value`);
        values.push(valueOf(named[name] ?? null));
        return "?";
      }
      if ((found !== "?" && found !== "%s") || list === undefined) return found;
      if (values.length >= list.length) {
        throw new Error(`the statement has more parameters than the ${list.length} that are given`);
      }
      values.push(valueOf(list[values.length] ?? null));
      return "?";
    },
  );
  return { sql: bound, values };
}

function valueOf(value: Json): Value {
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  return JSON.stringify(value);
}
