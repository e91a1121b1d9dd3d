import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import type { Service } from "./model.ts";

/** Lists of which a later file replaces the whole. */
const replaced: readonly (keyof Service)[] = ["command", "entrypoint"];

/** What makes two entries of a list one; the later entry wins. Of other lists, equal entries are one. */
const identities: Readonly<Record<string, readonly string[]>> = {
  ports: ["host_ip", "published", "target", "protocol"],
  volumes: ["target"],
  configs: ["target"],
  secrets: ["target"],
  env_file: ["path"],
};

/**
 * A service of two files, or of its base and itself: what the later one says wins, mappings are
 * joined, lists are appended. Compose specification, "Merge".
 */
export function mergeServices(earlier: Service, later: Service): Service {
  const merged = { ...earlier } as Record<string, Json>;
  for (const [key, value] of Object.entries(later) as [string, Json | undefined][]) {
    if (value === undefined) continue;
    const before = merged[key];
    const isWhole = (replaced as readonly string[]).includes(key) || before === undefined;
    merged[key] = isWhole ? value : mergeValues(before, value, identities[key]);
  }
  return merged;
}

function mergeValues(earlier: Json, later: Json, identity: readonly string[] | undefined): Json {
  if (Array.isArray(earlier) && Array.isArray(later)) {
    const key = (it: Json): string =>
      JSON.stringify(identity === undefined ? it : part(it, identity));
    const byKey = new Map([...earlier, ...later].map((it) => [key(it), it]));
    return [...byKey.values()];
  }
  if (isJsonObject(earlier) && isJsonObject(later)) {
    const merged: JsonObject = { ...earlier };
    for (const [key, value] of Object.entries(later)) {
      if (value === undefined) continue;
      const before = merged[key];
      // The test of a health check is a command: it is replaced.
      const isWhole = before === undefined || before === null || key === "test";
      merged[key] = isWhole ? value : mergeValues(before, value, undefined);
    }
    return merged;
  }
  return later;
}

/** The fields that matter; all of them, where an entry has none of these. */
function part(entry: Json, fields: readonly string[]): Json {
  if (!isJsonObject(entry)) return entry;
  const values = fields.map((it) => entry[it] ?? null);
  return values.every((it) => it === null) ? entry : values;
}
