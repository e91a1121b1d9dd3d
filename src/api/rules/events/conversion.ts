import type { JsonObject } from "#api/object.ts";

/**
 * The two shapes of an event: `v1` and `events.k8s.io/v1` are the same object under other names.
 * Upstream: `pkg/apis/events/v1/conversion.go`.
 */

const names: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];

const toEvents = new Map(names);
const toCore = new Map(names.map(([core, events]) => [events, core]));

/** A new object in the shape of `events.k8s.io/v1`. */
export function toEventsV1(event: JsonObject): JsonObject {
  return { ...renamed(event, toEvents), apiVersion: "events.k8s.io/v1" };
}

/** A new object in the shape of the core group. */
export function toCoreV1(event: JsonObject): JsonObject {
  return { ...renamed(event, toCore), apiVersion: "v1" };
}

function renamed(event: JsonObject, to: ReadonlyMap<string, string>): JsonObject {
  const converted: JsonObject = {};
  for (const [key, value] of Object.entries(event)) converted[to.get(key) ?? key] = value;
  return converted;
}
