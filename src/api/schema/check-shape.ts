import type { Json, JsonObject } from "#api/object.ts";
import { canonicalText } from "./canonical-text.ts";
import { conforms, planOf, structOf, type Node, type Plan } from "./conforms.ts";
import type { Shape, TypeTable } from "./type-table.ts";

/** What is wrong with an object, in the words of upstream's decoder. */
export interface ShapeProblems {
  /** `unknown field "spec.foo"`: an error in strict mode, else a warning; at most 100. */
  readonly unknown: readonly string[];
  /** The first wrong JSON type: always a 400. Empty when all are right. */
  readonly wrong: readonly string[];
}

const none: ShapeProblems = { unknown: [], wrong: [] };

/** Upstream stops to collect after as many (sigs.k8s.io/json). */
const unknownMax = 100;

/**
 * Makes an object what Go's decoder would have made of it, in place: unknown fields and nulls
 * disappear (a null in a list or map becomes the zero value), times become UTC, numbers where a
 * quantity belongs become text. Reports the unknown fields, and a value of the wrong JSON type.
 * After a wrong type the object is half done and must not be used.
 */
export function checkShape(object: JsonObject, type: string, table: TypeTable): ShapeProblems {
  const plan = planOf(table, type);
  if (conforms(plan, object)) return none;
  const check = new Check();
  checkStruct(check, plan, object, 0);
  if (check.unknown === undefined && check.wrong === undefined) return none;
  return {
    unknown: [...(check.unknown ?? [])],
    wrong: check.wrong === undefined ? [] : [check.wrong],
  };
}

/** One walk. The path is kept as it goes and read only when there is something to report. */
class Check {
  unknown: Set<string> | undefined;
  wrong: string | undefined;
  /** Field names, map keys and indexes from the root; only the first `depth` entries count. */
  readonly path: (string | number)[] = [];
  /** Name of the struct that holds each entry of `path`; empty for map keys and indexes. */
  readonly structs: string[] = [];

  reportUnknown(depth: number): void {
    this.unknown ??= new Set();
    if (this.unknown.size >= unknownMax) return;
    let text = "";
    for (const part of this.path.slice(0, depth)) {
      if (typeof part === "number") text += `[${part}]`;
      else text += text === "" ? part : `.${part}`;
    }
    this.unknown.add(`unknown field ${JSON.stringify(text)}`);
  }

  reportWrong(value: Json, goType: string, depth: number): void {
    const fields: string[] = [];
    let struct = "";
    for (let at = 0; at < depth; at++) {
      const owner = this.structs[at] ?? "";
      if (owner === "") continue;
      struct = owner.slice(owner.lastIndexOf(".") + 1);
      fields.push(String(this.path[at]));
    }
    const where = struct === "" ? "Go value" : `Go struct field ${struct}.${fields.join(".")}`;
    this.wrong ??= `json: cannot unmarshal ${jsonType(value, goType)} into ${where} of type ${goType}`;
  }

  reportText(message: string): void {
    this.wrong ??= message;
  }
}

function jsonType(value: Json, goType: string): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  // A number that does not fit the field is named with its value.
  if (typeof value === "number" && /^(?:int|uint|float)/.test(goType)) return `number ${value}`;
  return typeof value;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkStruct(check: Check, plan: Plan, value: JsonObject, depth: number): void {
  const { nodes } = plan;
  for (const key in value) {
    const node = nodes.get(key);
    check.path[depth] = key;
    check.structs[depth] = plan.type;
    if (node === undefined) {
      check.reportUnknown(depth + 1);
      Reflect.deleteProperty(value, key);
      continue;
    }
    const child = value[key];
    if (child === null || child === undefined) {
      Reflect.deleteProperty(value, key);
      continue;
    }
    const replaced = checkValue(check, node, child, depth + 1);
    if (replaced !== child) value[key] = replaced;
  }
}

/** Returns the value, or what stands in its place. */
function checkValue(check: Check, node: Node, value: Json, depth: number): Json {
  const { shape } = node;
  switch (shape.kind) {
    case "string":
      if (shape.format !== undefined) return formatted(check, node, value, depth);
      if (typeof value !== "string") check.reportWrong(value, node.goType, depth);
      return value;
    case "object":
      if (isObject(value)) {
        checkStruct(check, structOf(node), value, depth);
      } else check.reportWrong(value, node.goType, depth);
      return value;
    case "list":
      checkList(check, node, value, depth);
      return value;
    case "map":
      checkMap(check, node, value, depth);
      return value;
    case "boolean":
    case "integer":
    case "number":
    case "int-or-string":
      if (!fits(shape, value)) check.reportWrong(value, node.goType, depth);
      return value;
    case "any":
      return value;
  }
}

function fits(shape: Shape, value: Json): boolean {
  if (typeof value !== "number") {
    return shape.kind === "boolean"
      ? typeof value === "boolean"
      : shape.kind === "int-or-string" && typeof value === "string";
  }
  if (shape.kind === "integer" && shape.bits === 64) return Number.isSafeInteger(value);
  if (shape.kind === "integer" || shape.kind === "int-or-string") return (value | 0) === value;
  return shape.kind === "number";
}

function checkList(check: Check, node: Node, value: Json, depth: number): void {
  if (!Array.isArray(value) || node.inner === undefined) {
    check.reportWrong(value, node.goType, depth);
    return;
  }
  for (let at = 0; at < value.length; at++) {
    const item = value[at] ?? zeroOf(node.inner.shape);
    check.path[depth] = at;
    check.structs[depth] = "";
    const replaced = checkValue(check, node.inner, item, depth + 1);
    if (replaced !== value[at]) value[at] = replaced;
  }
}

function checkMap(check: Check, node: Node, value: Json, depth: number): void {
  if (!isObject(value) || node.inner === undefined) {
    check.reportWrong(value, node.goType, depth);
    return;
  }
  for (const key in value) {
    const item = value[key] ?? zeroOf(node.inner.shape);
    check.path[depth] = key;
    check.structs[depth] = "";
    const replaced = checkValue(check, node.inner, item, depth + 1);
    if (replaced !== value[key]) value[key] = replaced;
  }
}

/** What Go leaves where a list or map has null. */
function zeroOf(shape: Shape): Json {
  switch (shape.kind) {
    case "string":
      if (shape.format === "date-time" || shape.format === "micro-time") return null;
      return shape.format === "quantity" ? "0" : "";
    case "boolean":
      return false;
    case "integer":
    case "number":
    case "int-or-string":
      return 0;
    case "object":
    case "map":
      return {};
    case "list":
      return [];
    case "any":
      return null;
  }
}

function formatted(check: Check, node: Node, value: Json, depth: number): Json {
  const format = node.shape.kind === "string" ? node.shape.format : undefined;
  if (format === "quantity" && typeof value === "number") return String(value);
  if (value === null) return value;
  if (typeof value !== "string" || format === undefined) {
    check.reportWrong(value, node.goType, depth);
    return value;
  }
  // A null item of a list or map has become the empty text, which is Go's zero.
  if (value === "" && format !== "date-time" && format !== "micro-time") return value;
  const canonical = canonicalText(value, format);
  if (canonical.problem !== undefined) check.reportText(canonical.problem);
  return canonical.text;
}
