import type { Json } from "#api/object.ts";
import { TemplateError, type Node } from "./ast.ts";
import { evaluate, type Sources } from "./evaluate.ts";
import type { Names } from "./scope.ts";
import { parseTemplate } from "./parse.ts";

const parsed = new Map<string, readonly Node[]>();
/** Templates whose reading is remembered. */
const parsedMax = 1_000;

/** Fills in one template. @throws {TemplateError} naming what is wrong in it. */
export function render(template: string, names: Names, sources?: Sources): string {
  if (!template.includes("{{") && !template.includes("{%") && !template.includes("{#")) {
    return template;
  }
  return evaluate(parsedOnce(template), names, sources);
}

/** A template as it was read before. @throws {TemplateError} */
export function parsedOnce(template: string): readonly Node[] {
  const known = parsed.get(template);
  if (known !== undefined) return known;
  const nodes = parseTemplate(template);
  if (parsed.size < parsedMax) parsed.set(template, nodes);
  return nodes;
}

/** Fills in every text inside a value. @throws {TemplateError} naming where. */
export function renderDeep(value: Json, names: Names, sources?: Sources, path = ""): Json {
  if (typeof value === "string") {
    try {
      return render(value, names, sources);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new TemplateError(`template of argument ${path}: ${error.message}`);
    }
  }
  if (Array.isArray(value))
    return value.map((it, at) => renderDeep(it, names, sources, `${path}[${at}]`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, it]) => [
      name,
      renderDeep(it ?? null, names, sources, path === "" ? name : `${path}.${name}`),
    ]),
  );
}
