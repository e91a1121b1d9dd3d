import { Buffer } from "node:buffer";
import type { Json, JsonObject } from "#api/object.ts";
import type { Strategy } from "#api/strategy.ts";
import { jsonPrefix } from "#apiserver/cache/stored-form.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import { jsonBody, jsonEvents, jsonFrame } from "./json.ts";
import { listMetaJson, type Representation } from "./representation.ts";

/** What each row carries besides its cells. */
export type IncludeObject = "Metadata" | "Object" | "None";

const tablePrefix = jsonPrefix("Table", "meta.k8s.io/v1");

export interface TableOptions {
  readonly strategy: Strategy;
  readonly include: IncludeObject;
  /** Decodes a cached object into the version of the request. */
  readonly decode: (object: CachedObject) => JsonObject;
  /** Milliseconds since the epoch, for ages. */
  readonly now: () => number;
}

/** `kubectl get`: columns and cells, made by the kind's printer. */
export function tableJson(options: TableOptions): Representation {
  const { strategy, include } = options;
  const columns = JSON.stringify(
    strategy.columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? "",
      description,
      priority,
    })),
  );
  function row(object: JsonObject): string {
    const cells = JSON.stringify(strategy.cells(object, options.now()));
    return `{"cells":${cells},"object":${JSON.stringify(shown(object, include))}}`;
  }
  function table(metadata: string, rows: string): string {
    return `${tablePrefix}"metadata":${metadata},"columnDefinitions":${columns},"rows":[${rows}]}`;
  }
  function one(object: JsonObject): string {
    const metadata = object["metadata"] as JsonObject | undefined;
    const resourceVersion = metadata?.["resourceVersion"] ?? "";
    return table(JSON.stringify({ resourceVersion }), row(object));
  }
  return {
    id: `table ${include}`,
    contentType: "application/json",
    streamType: "application/json",
    object: (object) => Buffer.from(`${one(options.decode(object))}\n`),
    decoded: (object) =>
      object["kind"] === "Status" ? jsonBody(object) : Buffer.from(`${one(object)}\n`),
    list: {
      kind: "joined",
      raw: false,
      head: (meta) =>
        Buffer.from(
          `${tablePrefix}"metadata":${listMetaJson(meta)},"columnDefinitions":${columns},"rows":[`,
        ),
      item: (object) => Buffer.from(row(options.decode(object))),
      end: Buffer.from("]}\n"),
    },
    frame(type, object, revision) {
      const decoded = options.decode(object);
      if (revision !== undefined) {
        decoded["metadata"] = {
          ...(decoded["metadata"] as JsonObject),
          resourceVersion: String(revision),
        };
      }
      return jsonFrame(type, one(decoded));
    },
    bookmark: (revision, initialEventsEnd) =>
      jsonFrame(
        "BOOKMARK",
        table(
          JSON.stringify({ resourceVersion: String(revision) }),
          bookmarkRow(options, revision, initialEventsEnd),
        ),
      ),
    error: jsonEvents("Table", "meta.k8s.io/v1").error,
  };
}

function shown(object: JsonObject, include: IncludeObject): Json {
  if (include === "None") return null;
  if (include === "Object") return object;
  return {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: object["metadata"] ?? {},
  };
}

/** The one row of a bookmark: empty cells, and where the watch has come to. */
function bookmarkRow(
  { strategy, include }: TableOptions,
  revision: number,
  initialEventsEnd: boolean,
): string {
  const annotations = initialEventsEnd
    ? { annotations: { "k8s.io/initial-events-end": "true" } }
    : {};
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
  const object = { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
  const cells = strategy.columns.map((): Json => "");
  return JSON.stringify({ cells, object: include === "None" ? null : object });
}
