import type { Json, JsonObject } from "#api/object.ts";

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
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null) return false;
  if (!Array.isArray(left)) return !Array.isArray(right) && equalObjects(left, right);
  if (!Array.isArray(right) || left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    if (!equalJson(left[i], right[i])) return false;
  }
  return true;
}

function equalObjects(left: JsonObject, right: JsonObject): boolean {
  let count = 0;
  for (const key in left) {
    const value = left[key];
    if (value === undefined) continue;
    if (!equalJson(value, ownValue(right, key))) return false;
    count++;
  }
  for (const key in right) {
    if (right[key] !== undefined) count--;
  }
  return count === 0;
}

/** How many containers lie around the innermost value: 0 for a scalar, 2 for `{"a": []}`. */
export function depthOf(value: Json | undefined): number {
  if (typeof value !== "object" || value === null) return 0;
  const children = Array.isArray(value) ? value : Object.values(value);
  let deepest = 0;
  for (const child of children) deepest = Math.max(deepest, depthOf(child));
  return deepest + 1;
}

/** The own keys in the order of their code units; quick for the few that objects mostly have. */
export function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object);
  if (keys.length > 64) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] ?? "";
    let at = i - 1;
    for (let other = keys[at]; other !== undefined && other > key; other = keys[at]) {
      keys[at + 1] = other;
      at--;
    }
    keys[at + 1] = key;
  }
  return keys;
}
