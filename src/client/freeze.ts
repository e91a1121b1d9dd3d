/**
 * Freezes an object and everything in it, so that a component that changes a shared object fails
 * at that line. Objects from the cache are JSON: trees, without cycles.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
