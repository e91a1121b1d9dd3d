import { apiVersionOf } from "#api/resource.ts";
import type { TypeTable } from "#api/schema/type-table.ts";
import { badRequest } from "#api/status.ts";
import { decodeCached, type Kind } from "#apiserver/registry/kind.ts";
import { isTrue } from "#apiserver/request-info.ts";
import { negotiate, notAcceptable } from "./accept.ts";
import { convertedJson, metadataJson, storedJson } from "./json.ts";
import { protobufOf } from "./protobuf.ts";
import type { Representation } from "./representation.ts";
import { tableJson, type IncludeObject } from "./table.ts";
import { prettyOf, yamlOf } from "./yaml.ts";

/** Accept headers remembered for a kind. */
const acceptsMax = 64;

/** Makes the representations of one kind, each once. */
export class Representations {
  readonly #kind: Kind;
  readonly #types: TypeTable;
  readonly #now: () => number;
  readonly #made = new Map<string, Representation>();
  /** What plain requests were given before, by their Accept header. */
  readonly #byAccept = new Map<string, Representation>();

  constructor(kind: Kind, it: { readonly types: TypeTable; readonly now: () => number }) {
    this.#kind = kind;
    this.#types = it.types;
    this.#now = it.now;
  }

  /**
   * What the request's headers and query ask for.
   * @throws {StatusError} 406 when it cannot be given.
   */
  choose(accept: string | undefined, query: URLSearchParams): Representation {
    if (query.size === 0 && accept !== undefined) {
      const known = this.#byAccept.get(accept);
      if (known !== undefined) return known;
    }
    const wanted = negotiate(accept);
    const include = wanted.as === "table" ? includeOf(query.get("includeObject")) : "";
    const pretty = query.has("pretty") && isTrue(query.get("pretty"));
    const id = `${wanted.encoding} ${wanted.as} ${include} ${pretty ? "pretty" : ""}`;
    let found = this.#made.get(id);
    if (found === undefined) {
      found = this.#make(wanted, include === "" ? "Metadata" : include, pretty);
      this.#made.set(id, found);
    }
    if (query.size === 0 && accept !== undefined && this.#byAccept.size < acceptsMax) {
      this.#byAccept.set(accept, found);
    }
    return found;
  }

  #make(
    wanted: ReturnType<typeof negotiate>,
    include: IncludeObject,
    pretty: boolean,
  ): Representation {
    if (wanted.encoding === "protobuf") return this.#protobuf(wanted.as);
    const json = this.#json(wanted.as, include);
    if (wanted.encoding === "yaml") return yamlOf(json);
    return pretty ? prettyOf(json) : json;
  }

  #json(as: ReturnType<typeof negotiate>["as"], include: IncludeObject): Representation {
    const { resource, cache, strategy, conversion } = this.#kind;
    const decode = decodeCached.bind(undefined, this.#kind);
    if (as === "table") return tableJson({ strategy, include, decode, now: this.#now });
    if (as === "metadata") return metadataJson(cache);
    if (conversion === undefined) return storedJson(resource, cache);
    return convertedJson(resource, cache, (it) => conversion.fromStored(it));
  }

  #protobuf(as: ReturnType<typeof negotiate>["as"]): Representation {
    const { resource } = this.#kind;
    // Only JSON has tables here, and kinds without a protobuf form have no protobuf.
    if (as !== "object" || !this.#types.has(resource.type)) throw notAcceptable();
    return protobufOf({
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      type: resource.type,
      types: this.#types,
      decode: decodeCached.bind(undefined, this.#kind),
    });
  }
}

function includeOf(value: string | null): IncludeObject {
  if (value === null || value === "" || value === "Metadata") return "Metadata";
  if (value === "Object" || value === "None") return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}
