import { Buffer } from "node:buffer";
import type { Json } from "#api/object.ts";
import { formatYaml } from "#api/yaml.ts";
import type { CachedObject } from "#apiserver/cache/cached-object.ts";
import type { Representation } from "./representation.ts";

/** The same objects as a JSON representation, written as YAML, for people and old tools. */
export function yamlOf(json: Representation): Representation {
  return reformatted(json, {
    id: "yaml",
    contentType: "application/yaml",
    format: (value) => formatYaml(value),
  });
}

/** JSON with line breaks, for `?pretty=true`. */
export function prettyOf(json: Representation): Representation {
  return reformatted(json, {
    id: "pretty",
    contentType: "application/json",
    format: (value) => `${JSON.stringify(value, undefined, 2)}\n`,
  });
}

function reformatted(
  json: Representation,
  it: {
    readonly id: string;
    readonly contentType: string;
    readonly format: (value: Json) => string;
  },
): Representation {
  function again(bytes: Uint8Array): Uint8Array {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    return Buffer.from(it.format(JSON.parse(text) as Json));
  }
  const { list } = json;
  return {
    ...json,
    id: `${it.id} ${json.id}`,
    contentType: it.contentType,
    object: (object: CachedObject) => again(json.object(object)),
    decoded: (object) => again(json.decoded(object)),
    list:
      list.kind === "whole"
        ? list
        : {
            kind: "whole",
            body: (meta, items) => {
              const texts = items.map((item) => Buffer.from(list.item(item)).toString("utf8"));
              const parts = [list.head(meta), Buffer.from(texts.join(",")), list.end];
              return again(Buffer.concat(parts));
            },
          },
  };
}
