import type { JsonObject } from "#api/object.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import type { FrameWriter } from "#apiserver/cache/cache-event.ts";

/** `metadata` of a list. */
export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

/** How one request's objects are written: version of the kind, encoding, table or metadata. */
export interface Representation extends FrameWriter {
  readonly contentType: string;
  /** Of watch responses. */
  readonly streamType: string;
  /** A whole body for one cached object. */
  object(object: CachedObject): Uint8Array;
  /** A whole body for a decoded object of the requested version. */
  decoded(object: JsonObject): Uint8Array;
  readonly list: ListWriter;
}

export type ListWriter =
  /** Head, items with commas between, end: written while others are served. */
  | {
      readonly kind: "joined";
      /** Items are `{` and the object's tail, so that leaf pages serve as they are. */
      readonly raw: boolean;
      head(meta: ListMeta): Uint8Array;
      item(object: CachedObject): Uint8Array;
      readonly end: Uint8Array;
    }
  /** Encodings that begin with a length. */
  | { readonly kind: "whole"; body(meta: ListMeta, items: readonly CachedObject[]): Uint8Array };

/** `meta` as JSON, without absent fields. */
export function listMetaJson(meta: ListMeta): string {
  return JSON.stringify({
    resourceVersion: meta.resourceVersion,
    ...(meta.continue === undefined ? {} : { continue: meta.continue }),
    ...(meta.remainingItemCount === undefined
      ? {}
      : { remainingItemCount: meta.remainingItemCount }),
  });
}
