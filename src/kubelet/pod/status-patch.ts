import type { PodCondition, PodIP, PodStatus } from "#api/gen/types.ts";
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
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const name = key as keyof PodStatus;
    const value = after[name];
    if (equal(before[name], value)) continue;
    if (name === "conditions") status[key] = changedConditions(before, after);
    else if (name === "podIPs" || name === "hostIPs") {
      status[key] = mergedIps(before[name] ?? [], after[name] ?? []);
    } else status[key] = value === undefined ? null : jsonOf(value);
  }
  return Object.keys(status).length === 0 ? undefined : { metadata: { uid }, status };
}

/** A copy without fields that are undefined. */
function jsonOf(value: object | string | number): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function changedConditions(before: PodStatus, after: PodStatus): Json[] {
  const old = new Map((before.conditions ?? []).map((it) => [it.type, it]));
  const changed = (after.conditions ?? []).filter((it) => !equal(old.get(it.type), it));
  const kept = new Set((after.conditions ?? []).map((it) => it.type));
  const gone = [...old.keys()].filter((type) => !kept.has(type));
  return [
    ...changed.map((it) => withRemovedFields(old.get(it.type), it)),
    ...gone.map((type) => ({ type, $patch: "delete" })),
  ];
}

/** Merging keeps fields that are not named, so a reason that went must be set to null. */
function withRemovedFields(old: PodCondition | undefined, next: PodCondition): Json {
  const removed = Object.keys(old ?? {}).filter((it) => !(it in next));
  return {
    ...(jsonOf(next) as JsonObject),
    ...Object.fromEntries(removed.map((it) => [it, null])),
  };
}

function mergedIps(before: readonly PodIP[], after: readonly PodIP[]): Json[] {
  const gone = before.filter((it) => !after.some((other) => other.ip === it.ip));
  return [...after.map(({ ip }) => ({ ip })), ...gone.map(({ ip }) => ({ ip, $patch: "delete" }))];
}

/** Deep equality, whatever the order of keys; a field that is undefined is as good as absent. */
function equal(left: unknown, right: unknown): boolean {
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
  return equalFields(left as JsonObject, right as JsonObject);
}

function equalFields(left: JsonObject, right: JsonObject): boolean {
  for (const key in left) if (!equal(left[key], right[key])) return false;
  for (const key in right) {
    if (right[key] !== undefined && left[key] === undefined) return false;
  }
  return true;
}
