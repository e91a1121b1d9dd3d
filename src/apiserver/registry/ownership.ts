import { parseFields, type Fields } from "#api/apply/field-set.ts";
import { trackUpdate } from "#api/apply/update.ts";
import type { JsonObject } from "#api/object.ts";
import { apiVersionOf } from "#api/resource.ts";
import { formatTime } from "#api/time.ts";
import type { Kind, RegistryPorts } from "./kind.ts";
import type { WriteOptions } from "./write-options.ts";

/**
 * Writes `metadata.managedFields` of an object that is about to be stored, from what it was before;
 * undefined when it is new.
 */
export type OwnershipTracker = (object: JsonObject, previous: JsonObject | undefined) => void;

const status = parseFields({ "f:status": {} });
const allButStatus = parseFields({ "f:spec": {} });

/** The tracker of one request that is not a server-side apply. */
export function trackerOf(
  ports: RegistryPorts,
  kind: Kind,
  it: { readonly options: WriteOptions; readonly subresource: string },
): OwnershipTracker {
  const { resource } = kind;
  return (object, previous) => {
    trackUpdate({
      live: previous,
      next: object,
      manager: it.options.fieldManager,
      subresource: it.subresource,
      now: formatTime(ports.clock.now()),
      type: resource.type,
      table: ports.types,
      apiVersion: apiVersionOf(resource),
      resetFields: resetFieldsOf(kind, it.subresource),
    });
  };
}

/**
 * What a write through this path does not change, and so does not come to own. Upstream: each
 * kind's `GetResetFields`.
 */
export function resetFieldsOf(kind: Kind, subresource: string): Fields | undefined {
  if (subresource === "status") return allButStatus;
  const hasStatus = kind.resource.subresources.some((it) => it.name === "status");
  return subresource === "" && hasStatus ? status : undefined;
}
