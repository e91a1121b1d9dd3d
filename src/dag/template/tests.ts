import { contains } from "./operators.ts";
import { isDict, isEqual, isList, isObject, isTrue, type Value } from "./values.ts";

type Test = (value: Value, given: readonly Value[]) => boolean;

/** Jinja's tests, but for those about being defined. */
export const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["none", (it) => it === null],
  ["true", (it) => it === true],
  ["false", (it) => it === false],
  ["boolean", (it) => typeof it === "boolean"],
  ["string", (it) => typeof it === "string"],
  ["number", (it) => typeof it === "number" || typeof it === "boolean"],
  ["integer", (it) => Number.isInteger(it)],
  ["float", (it) => typeof it === "number" && !Number.isInteger(it)],
  ["mapping", isDict],
  ["sequence", (it) => isList(it) || isDict(it) || typeof it === "string"],
  ["iterable", (it) => isList(it) || isDict(it) || typeof it === "string"],
  [
    "callable",
    (it) => typeof it === "function" || (isObject(it) && it.attribute("__call__") !== undefined),
  ],
  ["even", (it) => typeof it === "number" && it % 2 === 0],
  ["odd", (it) => typeof it === "number" && Math.abs(it % 2) === 1],
  ["divisibleby", (it, [by]) => typeof it === "number" && it % Number(by) === 0],
  ["eq", (it, [other]) => isEqual(it, other ?? null)],
  ["equalto", (it, [other]) => isEqual(it, other ?? null)],
  ["sameas", (it, [other]) => it === other],
  ["ne", (it, [other]) => !isEqual(it, other ?? null)],
  ["in", (it, [holder]) => contains(holder ?? null, it)],
  ["lower", (it) => typeof it === "string" && it === it.toLowerCase()],
  ["upper", (it) => typeof it === "string" && it === it.toUpperCase()],
  ["truthy", isTrue],
]);
