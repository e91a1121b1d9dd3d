import { StatusError } from "#api/status.ts";

/** What a client wants to read, from its Accept header. */
export interface Accepted {
  readonly encoding: "json" | "yaml" | "protobuf";
  /** The object itself, its row in a table, or only its metadata. */
  readonly as: "object" | "table" | "metadata";
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

export const protobufType = "application/vnd.kubernetes.protobuf";
const encodings: Readonly<Record<string, Accepted["encoding"]>> = {
  "*/*": "json",
  "application/*": "json",
  "application/json": "json",
  "application/yaml": "yaml",
  [protobufType]: "protobuf",
};
const transforms: Readonly<Record<string, Accepted["as"]>> = {
  Table: "table",
  PartialObjectMetadata: "metadata",
  PartialObjectMetadataList: "metadata",
};

const known = new Map<string, Accepted>();
const knownMax = 1_000;

/**
 * Chooses among what the header allows. Clauses of one transformation are equal to us whatever
 * their order, and JSON is what we have ready, so `protobuf,json` is answered in JSON.
 * @throws {StatusError} 406 when nothing fits.
 */
export function negotiate(accept: string | undefined): Accepted {
  const header = accept ?? "*/*";
  const before = known.get(header);
  if (before !== undefined) return before;
  const chosen = choose(parseAccept(header));
  if (chosen === undefined) throw notAcceptable();
  if (known.size >= knownMax) known.clear();
  known.set(header, chosen);
  return chosen;
}

/** 406 with the list of what there is. */
export function notAcceptable(): StatusError {
  return new StatusError(
    406,
    "NotAcceptable",
    `only the following media types are accepted: application/json, application/yaml, ${protobufType}`,
  );
}

function choose(clauses: readonly Clause[]): Accepted | undefined {
  let chosen: Accepted | undefined;
  let quality = 0;
  for (const clause of clauses) {
    const option = optionOf(clause);
    if (option === undefined) continue;
    const sameButJson = option.encoding === "json" && option.as === chosen?.as;
    const better = clause.quality > quality || (clause.quality === quality && sameButJson);
    if (chosen !== undefined && !better) continue;
    chosen = option;
    quality = clause.quality;
  }
  return chosen;
}

function optionOf(clause: Clause): Accepted | undefined {
  const encoding = encodings[clause.type];
  if (encoding === undefined || clause.quality === 0) return undefined;
  const transform = clause.parameters.get("as");
  if (transform === undefined) return { encoding, as: "object" };
  const as = transforms[transform];
  const isMeta = clause.parameters.get("g") === "meta.k8s.io";
  const version = clause.parameters.get("v");
  const isKnown = version === "v1" || (version === "v1beta1" && as !== "table");
  if (as === undefined || !isMeta || !isKnown) return undefined;
  return { encoding, as };
}

function parseAccept(header: string): Clause[] {
  const clauses = header.split(",").map((text): Clause => {
    const [type = "", ...rest] = text.split(";").map((it) => it.trim());
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const at = parameter.indexOf("=");
      if (at > 0) parameters.set(parameter.slice(0, at).trim(), parameter.slice(at + 1).trim());
    }
    const quality = Number(parameters.get("q") ?? "1");
    return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality };
  });
  return clauses.filter((it) => it.type !== "");
}
