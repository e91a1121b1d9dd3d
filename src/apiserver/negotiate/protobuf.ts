import { Buffer } from "node:buffer";
import type { JsonObject } from "#api/object.ts";
import { encodeList, encodeMessage, encodeObject, encodeWatchFrame } from "#api/protobuf/encode.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { protobufType } from "./accept.ts";
import type { ListMeta, Representation } from "./representation.ts";

const statusType = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

export interface ProtobufOptions {
  readonly kind: string;
  readonly apiVersion: string;
  /** Name in the type table. */
  readonly type: string;
  readonly types: TypeTable;
  readonly decode: (object: CachedObject) => JsonObject;
}

/** Objects in protobuf, for clients that take nothing else: each is decoded and encoded. */
export function protobufOf(options: ProtobufOptions): Representation {
  const { kind, apiVersion, type, types } = options;
  function whole(object: JsonObject): Uint8Array {
    const isStatus = object["kind"] === "Status";
    return encodeObject(object, isStatus ? statusType : type, types);
  }
  function frame(event: string, object: JsonObject): Buffer {
    return Buffer.from(encodeWatchFrame(event, whole(object)));
  }
  function at(object: JsonObject, revision: number | undefined): JsonObject {
    if (revision === undefined) return object;
    const metadata = object["metadata"] as JsonObject;
    return { ...object, metadata: { ...metadata, resourceVersion: String(revision) } };
  }
  return {
    id: `protobuf ${apiVersion} ${kind}`,
    contentType: protobufType,
    streamType: `${protobufType};stream=watch`,
    object: (object) => whole(options.decode(object)),
    decoded: whole,
    list: {
      kind: "whole",
      body: (meta, items) =>
        encodeList(
          {
            apiVersion,
            kind: `${kind}List`,
            metadata: listMeta(meta),
            items: items.map((it) => encodeMessage(options.decode(it), type, types)),
          },
          types,
        ),
    },
    frame: (event, object, revision) => frame(event, at(options.decode(object), revision)),
    bookmark(revision, initialEventsEnd) {
      const annotations = initialEventsEnd
        ? { annotations: { "k8s.io/initial-events-end": "true" } }
        : {};
      const metadata = { resourceVersion: String(revision), ...annotations };
      return frame("BOOKMARK", { kind, apiVersion, metadata });
    },
    error: (status) => frame("ERROR", status as JsonObject),
  };
}

function listMeta(meta: ListMeta): JsonObject {
  return {
    resourceVersion: meta.resourceVersion,
    ...(meta.continue === undefined ? {} : { continue: meta.continue }),
    ...(meta.remainingItemCount === undefined
      ? {}
      : { remainingItemCount: meta.remainingItemCount }),
  };
}
