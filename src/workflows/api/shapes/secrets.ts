import type { Json } from "#api/object.ts";
import { isSensitive } from "#workflows/worker/task-log.ts";

const mask = "***";

/**
 * A setting as it may be shown: all of it is masked when its name says that it is a secret, else what
 * is a secret by name within its JSON.
 */
export function maskSecrets(name: string, value: string): string {
  if (isSensitive(name)) return mask;
  let parsed: Json;
  try {
    parsed = JSON.parse(value) as Json;
  } catch {
    return value;
  }
  return typeof parsed === "object" && parsed !== null ? JSON.stringify(masked(parsed)) : value;
}

function masked(value: Json): Json {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, it]) => [
    name,
    isSensitive(name) && it != null ? mask : masked(it ?? null),
  ]);
  return Object.fromEntries(entries) as Json;
}
