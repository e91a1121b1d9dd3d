import { Buffer } from "node:buffer";
import type { JsonObject } from "#api/object.ts";
import { apiVersionOf, type Resource } from "#api/resource.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import type { ResourceCache } from "#apiserver/cache/resource-cache.ts";
import { jsonPrefix, setRevision } from "#apiserver/cache/stored-form.ts";
import { listMetaJson, type ListMeta, type Representation } from "./representation.ts";

const newline = Buffer.from("\n");
const frameEnd = Buffer.from("}\n");
const openBrace = Buffer.from("{");
const listEnd = Buffer.from("]}\n");
const digits = /"resourceVersion":"\d+"/;

/** JSON of the stored version: the bytes go out as they are. */
export function storedJson(resource: Resource, cache: ResourceCache): Representation {
  const apiVersion = apiVersionOf(resource);
  const prefix = jsonPrefix(resource.kind, apiVersion);
  const prefixBytes = Buffer.from(prefix);
  const bookmarks = jsonEvents(resource.kind, apiVersion);
  return {
    id: "json",
    contentType: "application/json",
    streamType: "application/json",
    object: (object) =>
      Buffer.concat(
        [prefixBytes, object.tail(), newline],
        prefixBytes.length + object.length + newline.length,
      ),
    decoded: jsonBody,
    list: {
      kind: "joined",
      raw: true,
      head: (meta) => listHead(`${resource.kind}List`, apiVersion, meta),
      item: (object) => Buffer.concat([openBrace, object.tail()]),
      end: listEnd,
    },
    frame(type, object, revision = object.revision) {
      const natural = revision === object.revision ? cache.naturalFrame(type, object) : undefined;
      if (natural !== undefined) return natural;
      const begin = Buffer.from(`{"type":"${type}","object":${prefix}`);
      return Buffer.concat([begin, tailAt(object, revision), frameEnd]);
    },
    value(object, revision) {
      const value = cache.decode(object);
      if (revision !== object.revision) setRevision(value, revision);
      return value;
    },
    ...bookmarks,
  };
}

/** JSON of another version of the kind: each object is decoded and converted. */
export function convertedJson(
  resource: Resource,
  cache: ResourceCache,
  convert: (object: JsonObject) => JsonObject,
): Representation {
  const apiVersion = apiVersionOf(resource);
  function text(object: CachedObject, revision = object.revision): string {
    const converted = convert(cache.decode(object));
    const json = JSON.stringify({ ...converted, kind: resource.kind, apiVersion });
    return revision === object.revision ? json : withRevision(json, revision);
  }
  return {
    id: `json ${apiVersion}`,
    contentType: "application/json",
    streamType: "application/json",
    object: (object) => Buffer.from(`${text(object)}\n`),
    decoded: jsonBody,
    list: {
      kind: "joined",
      raw: false,
      head: (meta) => listHead(`${resource.kind}List`, apiVersion, meta),
      item: (object) => Buffer.from(text(object)),
      end: listEnd,
    },
    frame: (type, object, revision) => jsonFrame(type, text(object, revision)),
    ...jsonEvents(resource.kind, apiVersion),
  };
}

/** Only the metadata of objects, sliced out of their bytes. */
export function metadataJson(cache: ResourceCache): Representation {
  const apiVersion = "meta.k8s.io/v1";
  const prefix = jsonPrefix("PartialObjectMetadata", apiVersion);
  function text(object: CachedObject, revision = object.revision): string {
    const metadata = object.metadataBytes().toString("utf8");
    const json = `${prefix}${metadata}}`;
    return revision === object.revision ? json : withRevision(json, revision);
  }
  return {
    id: "metadata json",
    contentType: "application/json",
    streamType: "application/json",
    object: (object) => Buffer.from(`${text(object)}\n`),
    decoded: (object) =>
      jsonBody({ kind: "PartialObjectMetadata", apiVersion, metadata: object["metadata"] ?? {} }),
    list: {
      kind: "joined",
      raw: false,
      head: (meta) => listHead("PartialObjectMetadataList", apiVersion, meta),
      item: (object) => Buffer.from(text(object)),
      end: listEnd,
    },
    frame: (type, object, revision) => jsonFrame(type, text(object, revision)),
    value(object, revision) {
      const metadata = { ...cache.decodeMetadata(object), resourceVersion: String(revision) };
      return { kind: "PartialObjectMetadata", apiVersion, metadata };
    },
    ...jsonEvents("PartialObjectMetadata", apiVersion),
  };
}

/** A whole JSON body, ended by a newline as upstream's encoder does. */
export function jsonBody(object: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(object)}\n`);
}

export function jsonFrame(type: string, json: string): Buffer {
  return Buffer.from(`{"type":"${type}","object":${json}}\n`);
}

/** Bookmarks and errors of a JSON watch. */
export function jsonEvents(
  kind: string,
  apiVersion: string,
): Pick<Representation, "bookmark" | "error"> {
  return {
    bookmark(revision, initialEventsEnd) {
      const annotations = initialEventsEnd
        ? `,"annotations":{"k8s.io/initial-events-end":"true"}`
        : "";
      // `creationTimestamp: null` is what typed encoders upstream write for an empty object.
      const metadata = `{"resourceVersion":"${revision}","creationTimestamp":null${annotations}}`;
      return jsonFrame("BOOKMARK", `${jsonPrefix(kind, apiVersion)}"metadata":${metadata}}`);
    },
    error: (status) => jsonFrame("ERROR", JSON.stringify(status)),
  };
}

export function listHead(kind: string, apiVersion: string, meta: ListMeta): Buffer {
  return Buffer.from(`${jsonPrefix(kind, apiVersion)}"metadata":${listMetaJson(meta)},"items":[`);
}

/** The object's first resourceVersion is its metadata's: the cache puts it there. */
function withRevision(json: string, revision: number): string {
  return json.replace(digits, `"resourceVersion":"${revision}"`);
}

function tailAt(object: CachedObject, revision: number): Buffer {
  if (revision === object.revision) return object.tail();
  const rest = object.tail().subarray(object.revisionEnd);
  return Buffer.concat([Buffer.from(`"metadata":{"resourceVersion":"${revision}",`), rest]);
}
