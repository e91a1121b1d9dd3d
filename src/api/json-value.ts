import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";

/** The value at `key` if the object itself has it: never what it inherits, like `toString`. */
export function ownValue(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets `key`, whatever its name: a plain assignment of `__proto__` would change the prototype. */
export function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key === "__proto__") {
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(object, key, property);
  } else {
    object[key] = value;
  }
}

export function removeOwn(object: JsonObject, key: string): void {
  Reflect.deleteProperty(object, key);
}

/** A copy that shares nothing with `value`. Properties that are undefined are left out. */
export function copyJson<T extends Json>(value: T): T;
export function copyJson(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((it) => copyJson(it));
  const copy: JsonObject = {};
  for (const key in value) {
    const child = value[key];
    if (child !== undefined) setOwn(copy, key, copyJson(child));
  }
  return copy;
}

/** Deep equality as of JSON texts: the order of keys and undefined properties do not count. */
export function equalJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((it, i) => equalJson(it, right[i]));
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  for (const key in left) {
    if (!equalJson(left[key], ownValue(right, key))) return false;
  }
  for (const key in right) {
    if (right[key] !== undefined && ownValue(left, key) === undefined) return false;
  }
  return true;
}

/** How many containers lie around the innermost value: 0 for a scalar, 2 for `{"a": []}`. */
export function depthOf(value: Json | undefined): number {
  if (typeof value !== "object" || value === null) return 0;
  const children = Array.isArray(value) ? value : Object.values(value);
  let deepest = 0;
  for (const child of children) deepest = Math.max(deepest, depthOf(child));
  return deepest + 1;
}
