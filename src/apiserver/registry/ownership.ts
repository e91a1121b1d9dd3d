import type { JsonObject } from "#api/object.ts";
import type { Kind, RegistryPorts } from "./kind.ts";
import type { WriteOptions } from "./write-options.ts";

/**
 * Writes `metadata.managedFields` of an object that is about to be stored, from what it was before;
 * undefined when it is new.
 */
export type OwnershipTracker = (object: JsonObject, previous: JsonObject | undefined) => void;

/** The tracker of one request. */
export function trackerOf(
  _ports: RegistryPorts,
  _kind: Kind,
  _it: { readonly options: WriteOptions; readonly subresource: string },
): OwnershipTracker {
  return () => undefined;
}
