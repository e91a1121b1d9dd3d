import type { Json, JsonObject } from "#api/object.ts";
import { camelCase, typeName } from "./values.ts";
import { isList, isMapping, scalarOf, type Node } from "./node.ts";

const output = /^([\w.-]+?)\.output((?:\[(?:'[^']*'|"[^"]*"|\d+)\])*)$/;
/** An argument of the mapped group that the task is in. */
const elementOf = /^element\.(\w+)((?:\[(?:'[^']*'|"[^"]*"|\d+)\])*)$/;
const other = /^(?:\+([\w.-]+)|XcomArg\(([\w.-]+)\))$/;

/**
 * The JSON of an argument, where `load.output`, `load.output['rows']`, `+load` and `XcomArg(load)`
 * stand for what a task hands on, and `element.table` for an argument of its mapped group. @param idOf gives a task's whole id, or undefined if there is none.
 */
export function withReferences(node: Node, idOf: (name: string) => string | undefined): Json {
  if (isList(node)) return node.value.map((it) => withReferences(it, idOf));
  if (isMapping(node)) {
    const entries = [...node.value].filter(([key]) => key !== "__type__");
    // Kubernetes' Python models write the API's names in their own way.
    const isModel = /^V\d/.test(typeName(node) ?? "");
    return Object.fromEntries(
      entries.map(([key, it]) => [isModel ? camelCase(key) : key, withReferences(it, idOf)]),
    );
  }
  const value = scalarOf(node);
  if (typeof value !== "string") return value;
  return referenceOf(value, idOf) ?? value;
}

function referenceOf(
  text: string,
  idOf: (name: string) => string | undefined,
): JsonObject | undefined {
  const element = elementOf.exec(text);
  if (element?.[1] !== undefined) {
    return { $element: { name: element[1], path: stepsOf(element[2] ?? "") } };
  }
  const found = output.exec(text);
  const [, plus, named] = other.exec(text) ?? [];
  const name = found?.[1] ?? plus ?? named;
  const task = name === undefined ? undefined : idOf(name);
  if (task === undefined) return undefined;
  return { $output: { task, key: "return_value", path: stepsOf(found?.[2] ?? "") } };
}

function stepsOf(text: string): (string | number)[] {
  return [...text.matchAll(/\[(?:'([^']*)'|"([^"]*)"|(\d+))\]/g)].map(
    ([, single, double, index]) => single ?? double ?? Number(index),
  );
}
