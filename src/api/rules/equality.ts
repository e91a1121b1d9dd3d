import { isJsonObject } from "#api/object.ts";

/**
 * Equality as the API means it: an absent field, `null`, `false`, `0`, `""`, an empty list and an
 * empty object are the same. Typed clients drop such values when they read an object and write it
 * back, and that is no change. Upstream: `equality.Semantic.DeepEqual`.
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((it, i) => semanticEqual(it, b[i]));
  }
  if (isJsonObject(a) && isJsonObject(b)) return objectsEqual(a, b);
  return isZero(a) && isZero(b);
}

function objectsEqual(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key of Object.keys(a)) {
    if (!semanticEqual(a[key], b[key])) return false;
  }
  for (const key of Object.keys(b)) {
    if (!Object.hasOwn(a, key) && !isZero(b[key])) return false;
  }
  return true;
}

/** A value that means the same as its absence. */
export function isZero(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (value === false || value === 0 || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.values(value).every(isZero);
}
