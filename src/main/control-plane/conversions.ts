import { conversionOf as convert, conversionTo } from "#api/rules/conversions.ts";
import type { Resource } from "#api/resource.ts";
import type { Conversion } from "#apiserver/registry/kind.ts";

/**
 * How a resource that is stored in another version is turned into that version and back; undefined
 * for the stored version itself.
 */
export function conversionOf(resource: Resource): Conversion | undefined {
  const toStored = convert(resource, resource.storageVersion);
  const fromStored = conversionTo(resource, resource.storageVersion);
  if (toStored === undefined || fromStored === undefined) return undefined;
  return { toStored, fromStored };
}
