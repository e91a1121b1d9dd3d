import type { Resource } from "#api/resource.ts";

declare const objectType: unique symbol;

/** A resource together with the type of its objects, known to the compiler only. */
export type ResourceOf<T> = Resource & { readonly [objectType]?: T };
