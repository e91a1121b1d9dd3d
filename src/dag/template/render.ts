import type { Json } from "#api/object.ts";
import { TemplateError, type Node } from "./ast.ts";
import { evaluate, type Names } from "./evaluate.ts";
import { parseTemplate } from "./parse.ts";

const parsed = new Map<string, readonly Node[]>();
/** Templates whose reading is remembered. */
const parsedMax = 1_000;

/** Fills in one template. @throws {TemplateError} naming what is wrong in it. */
export function render(template: string, names: Names): string {
  if (!template.includes("{{") && !template.includes("{%") && !template.includes("{#")) {
    return template;
  }
  let nodes = parsed.get(template);
  if (nodes === undefined) {
    nodes = parseTemplate(template);
    if (parsed.size < parsedMax) parsed.set(template, nodes);
  }
  return evaluate(nodes, names);
}

/** Fills in every text inside a value. @throws {TemplateError} naming where. */
export function renderDeep(value: Json, names: Names, path = ""): Json {
  if (typeof value === "string") {
    try {
      return render(value, names);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new TemplateError(`template of argument ${path}: ${error.message}`);
    }
  }
  if (Array.isArray(value)) return value.map((it, at) => renderDeep(it, names, `${path}[${at}]`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, it]) => [
      name,
      renderDeep(it ?? null, names, path === "" ? name : `${path}.${name}`),
    ]),
  );
}
