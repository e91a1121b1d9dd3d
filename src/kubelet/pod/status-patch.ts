import type { PodCondition, PodStatus } from "#api/gen/types.ts";
import type { Json, JsonObject } from "#api/object.ts";

/**
 * The strategic merge patch of a pod's status that turns `before` into `after`; undefined when
 * they are the same. Conditions merge by type, so that other writers' conditions stay; addresses
 * merge by ip, so that old ones must be named to go; all other lists are replaced.
 * The uid makes the server refuse it for another pod of the same name.
 */
export function statusPatch(
  uid: string,
  before: PodStatus,
  after: PodStatus,
): JsonObject | undefined {
  const status: JsonObject = {};
  const old = asJson(before);
  const next = asJson(after);
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
    const value = next[key];
    if (equal(old[key], value)) continue;
    if (key === "conditions") status[key] = changedConditions(before, after);
    else if (key === "podIPs" || key === "hostIPs") status[key] = mergedIps(old[key], value);
    else status[key] = value ?? null;
  }
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid }, status };
}

function asJson(status: PodStatus): JsonObject {
  return JSON.parse(JSON.stringify(status)) as JsonObject;
}

function changedConditions(before: PodStatus, after: PodStatus): Json[] {
  const old = new Map((before.conditions ?? []).map((it) => [it.type, it]));
  const changed = (after.conditions ?? []).filter(
    (it) => !equal(jsonOf(old.get(it.type)), jsonOf(it)),
  );
  return changed.map((it) => withRemovedFields(old.get(it.type), it));
}

/** Merging keeps fields that are not named, so a reason that went must be set to null. */
function withRemovedFields(old: PodCondition | undefined, next: PodCondition): Json {
  const removed = Object.keys(old ?? {}).filter((it) => !(it in next));
  return {
    ...(jsonOf(next) as JsonObject),
    ...Object.fromEntries(removed.map((it) => [it, null])),
  };
}

function jsonOf(condition: PodCondition | undefined): Json | undefined {
  return condition === undefined ? undefined : (JSON.parse(JSON.stringify(condition)) as Json);
}

function mergedIps(old: Json | undefined, next: Json | undefined): Json[] {
  const before = Array.isArray(old) ? old : [];
  const after = Array.isArray(next) ? next : [];
  const gone = before.filter((it) => !after.some((other) => equal(it, other)));
  return [...after, ...gone.map((it) => ({ ...(it as JsonObject), $patch: "delete" }))];
}

/** Deep equality of JSON, whatever the order of keys. */
function equal(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((it, index) => equal(it, right[index]))
    );
  }
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => equal(left[key], right[key]));
}
