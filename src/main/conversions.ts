import type { Resource } from "#api/resource.ts";
import type { Conversion } from "#apiserver/registry/kind.ts";

/** How a resource that another version stores is turned into that version and back. */
export function conversionOf(_resource: Resource): Conversion | undefined {
  return undefined;
}
