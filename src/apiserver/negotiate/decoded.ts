import { Buffer } from "node:buffer";
import type { JsonObject } from "#api/object.ts";
import { encodeObject } from "#api/protobuf/encode.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { formatYaml } from "#api/yaml.ts";
import { negotiate, notAcceptable, protobufType } from "./accept.ts";
import { jsonBody } from "./json.ts";

/**
 * A body for an object that is no resource of its own: a Scale, a review, a Status.
 * @throws {StatusError} 406 for tables and other transformations.
 */
export function decodedBody(
  accept: string | undefined,
  it: { readonly object: JsonObject; readonly type: string; readonly types: TypeTable },
): { readonly contentType: string; readonly bytes: Uint8Array } {
  const wanted = negotiate(accept);
  if (wanted.as !== "object") throw notAcceptable();
  switch (wanted.encoding) {
    case "json":
      return { contentType: "application/json", bytes: jsonBody(it.object) };
    case "yaml":
      return { contentType: "application/yaml", bytes: Buffer.from(formatYaml(it.object)) };
    case "protobuf":
      if (!it.types.has(it.type)) throw notAcceptable();
      return { contentType: protobufType, bytes: encodeObject(it.object, it.type, it.types) };
  }
}
