import { readFileSync } from "node:fs";
import { Validator, type Schema } from "@cfworker/json-schema";

/** An operation of Airflow's stable REST API, as `tools/airflow-client/shapes.py` writes it down. */
export interface AirflowOperation {
  /** Names of parameters; those that must be given end in `!`. */
  readonly query?: readonly string[];
  readonly body?: string;
  /** The type of what is answered, by status; `nothing` for an answer without JSON. */
  readonly answers: Readonly<Record<string, string>>;
  /** The other statuses. */
  readonly problems: readonly number[];
}

type Shapes = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

function readCases(name: string): unknown {
  const file = new URL(`../workflows/api/cases/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

const shapes = readCases("shapes") as Shapes;

/** By method and path: `GET /dags/{dag_id}`. */
export const airflowOperations = readCases("operations") as Readonly<
  Record<string, AirflowOperation>
>;

/** Operations that are not served, each group with the reason, which the documentation repeats. */
export const notServed = readCases("not-served") as readonly {
  readonly because: string;
  readonly operations: readonly string[];
}[];

/** What is wrong with a value of one of Airflow's types; fields that a shape does not have are wrong, too. */
export function shapeProblems(type: string, value: unknown): readonly string[] {
  const $defs = Object.fromEntries([...reached(type)].map((name) => [name, definitionOf(name)]));
  const validator = new Validator({ ...schemaOf(type), $defs }, "2020-12", false);
  const { errors } = validator.validate(value);
  return errors.map((it) => `${it.instanceLocation} ${it.keyword}: ${it.error}`);
}

/** The notation of `shapes.py` as a JSON Schema. */
function schemaOf(type: string): Schema {
  const either = alternatives(type);
  if (either.length > 1) return { anyOf: either.map(schemaOf) };
  if (type === "any") return {};
  if (type.startsWith("'")) return { const: type.slice(1, -1) };
  if (type.startsWith("[")) return { type: "array", items: schemaOf(type.slice(1, -1)) };
  if (type.startsWith("{")) {
    return { type: "object", additionalProperties: schemaOf(type.slice(1, -1)) };
  }
  return isSimple(type) ? { type } : { $ref: `#/$defs/${type}` };
}

const simple = ["string", "integer", "number", "boolean", "null", "object"] as const;

function isSimple(type: string): type is (typeof simple)[number] {
  return simple.some((it) => it === type);
}

/** The parts between the bars that are within no brackets. */
function alternatives(type: string): readonly string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const part of type.split(/( \| |[[\]{}])/)) {
    if ("[{".includes(part) && part !== "") depth += 1;
    if ("]}".includes(part) && part !== "") depth -= 1;
    if (part === " | " && depth === 0) parts.push("");
    else parts.push(`${parts.pop() ?? ""}${part}`);
  }
  return parts;
}

function shapeSchema(shape: string | Readonly<Record<string, string>>): Schema {
  if (typeof shape === "string") return schemaOf(shape);
  const fields = Object.entries(shape).filter(([name]) => name !== "…");
  return {
    type: "object",
    properties: Object.fromEntries(
      fields.map(([name, type]) => [name.replace(/\?$/, ""), schemaOf(type)]),
    ),
    required: fields.filter(([name]) => !name.endsWith("?")).map(([name]) => name),
    additionalProperties: Object.hasOwn(shape, "…"),
  };
}

function definitionOf(name: string): Schema {
  return shapeSchema(shapes[name] ?? "any");
}

/** The names of the shapes that a type is made of. */
function reached(type: string, found = new Set<string>()): ReadonlySet<string> {
  for (const name of type.match(/\w+/g) ?? []) {
    const shape = shapes[name];
    if (shape === undefined || found.has(name)) continue;
    found.add(name);
    reached(JSON.stringify(shape), found);
  }
  return found;
}
