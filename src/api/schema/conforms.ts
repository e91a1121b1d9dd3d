import type { Json, JsonObject } from "#api/object.ts";
import type { Shape, TypeTable } from "./type-table.ts";

/** A struct type, arranged for walking values: types of fields are found once, when first met. */
export interface Plan {
  readonly type: string;
  readonly nodes: ReadonlyMap<string, Node>;
}

/** One field's value, or one item of a list or map. */
export interface Node {
  readonly shape: Shape;
  /** What `conforms` looks for, as a small number. */
  readonly test: number;
  readonly goType: string;
  readonly table: TypeTable;
  /** Of a list's items or a map's values. */
  readonly inner: Node | undefined;
  /** The struct of an object shape, once met; see {@link structOf}. */
  plan: Plan | undefined;
}

const plans = new WeakMap<TypeTable, Map<string, Plan>>();

export function planOf(table: TypeTable, type: string): Plan {
  let ofTable = plans.get(table);
  if (ofTable === undefined) {
    ofTable = new Map<string, Plan>();
    plans.set(table, ofTable);
  }
  let plan = ofTable.get(type);
  if (plan === undefined) {
    const nodes = new Map<string, Node>();
    for (const field of table.find(type).fields.values()) {
      nodes.set(field.name, nodeOf(field.shape, field.goType, table));
    }
    plan = { type, nodes };
    ofTable.set(type, plan);
  }
  return plan;
}

function nodeOf(shape: Shape, goType: string, table: TypeTable): Node {
  const test = testOf(shape);
  if (shape.kind === "list") {
    const inner = nodeOf(shape.items, goType.slice("[]".length), table);
    return { shape, test, goType, table, inner, plan: undefined };
  }
  if (shape.kind === "map") {
    const inner = nodeOf(shape.values, goType.slice("map[string]".length), table);
    return { shape, test, goType, table, inner, plan: undefined };
  }
  return { shape, test, goType, table, inner: undefined, plan: undefined };
}

/** The plan of a node whose shape is a struct. */
export function structOf(node: Node): Plan {
  node.plan ??= planOf(node.table, node.shape.kind === "object" ? node.shape.type : "");
  return node.plan;
}

const isText = 0;
const isBoolean = 1;
const isInt32 = 2;
const isInt64 = 3;
const isNumber = 4;
const isIntOrText = 5;
const isStruct = 6;
const isMap = 7;
const isList = 8;
const isAnything = 9;
const isTime = 10;
/** A format that needs more than a look. */
const isUnsure = 11;

function testOf(shape: Shape): number {
  switch (shape.kind) {
    case "string":
      if (shape.format === undefined || shape.format === "quantity") return isText;
      return shape.format === "date-time" ? isTime : isUnsure;
    case "boolean":
      return isBoolean;
    case "integer":
      return shape.bits === 32 ? isInt32 : isInt64;
    case "number":
      return isNumber;
    case "int-or-string":
      return isIntOrText;
    case "object":
      return isStruct;
    case "map":
      return isMap;
    case "list":
      return isList;
    case "any":
      return isAnything;
  }
}

/** Times in the form in which they are written, but for days that not every month has. */
const plainTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

/**
 * Whether an object needs no change and no complaint: every field known, every value of the right
 * type and in its written form. False means that a closer look is needed. Nearly every object
 * passes, so this walk keeps no path and allocates nothing.
 */
export function conforms(plan: Plan, object: JsonObject): boolean {
  const { nodes } = plan;
  for (const key in object) {
    const node = nodes.get(key);
    if (node === undefined || !valueConforms(node, object[key])) return false;
  }
  return true;
}

function valueConforms(node: Node, value: Json | undefined): boolean {
  switch (node.test) {
    case isText:
      return typeof value === "string";
    case isBoolean:
      return typeof value === "boolean";
    case isInt32:
      return typeof value === "number" && (value | 0) === value;
    case isStruct:
      return isObject(value) && conforms(structOf(node), value);
    case isMap:
      return node.inner !== undefined && isObject(value) && mapConforms(node.inner, value);
    case isList:
      return node.inner !== undefined && Array.isArray(value) && listConforms(node.inner, value);
    case isAnything:
      return value !== null;
    default:
      return scalarConforms(node.test, value);
  }
}

function scalarConforms(test: number, value: Json | undefined): boolean {
  switch (test) {
    case isInt64:
      return Number.isSafeInteger(value);
    case isNumber:
      return typeof value === "number";
    case isIntOrText:
      return typeof value === "string" || (typeof value === "number" && (value | 0) === value);
    case isTime:
      return typeof value === "string" && plainTime.test(value);
    default:
      return false;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapConforms(values: Node, map: JsonObject): boolean {
  for (const key in map) if (!valueConforms(values, map[key])) return false;
  return true;
}

function listConforms(items: Node, list: readonly Json[]): boolean {
  for (const item of list) if (!valueConforms(items, item)) return false;
  return true;
}
