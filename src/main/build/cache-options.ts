import { parseFields } from "./options.ts";

/** Where results of steps are brought from: `--cache-from`. */
export type CacheFrom =
  | { readonly type: "registry"; readonly reference: string }
  | { readonly type: "local"; readonly directory: string; readonly wanted: string | undefined };

/** Where they go: `--cache-to`. */
export interface CacheTo {
  readonly type: "registry" | "local" | "inline";
  /** An image's name, a directory, or nothing. */
  readonly destination: string;
  /** The steps of all stages, not of the image's own alone. */
  readonly all: boolean;
  /** A build whose cache cannot be written is none that has failed. */
  readonly ignoreError: boolean;
}

const types: readonly CacheTo["type"][] = ["registry", "local", "inline"];

/** `type=registry,ref=NAME`, `type=local,src=DIRECTORY`, or just a name. @throws {Error} */
export function parseCacheFrom(text: string): CacheFrom {
  if (!text.includes("=")) return { type: "registry", reference: text };
  const fields = parseFields(text, "cache-from");
  const type = fields.get("type");
  if (type === "registry") {
    return { type, reference: required(fields, "ref", `--cache-from ${text}`) };
  }
  if (type === "local") {
    const directory = required(fields, "src", `--cache-from ${text}`);
    return { type, directory, wanted: fields.get("digest") ?? fields.get("tag") };
  }
  throw new Error(`--cache-from ${text}: expected type= one of registry, local`);
}

/** `type=registry,ref=NAME`, `type=local,dest=DIRECTORY`, `type=inline`, or just a name. @throws {Error} */
export function parseCacheTo(text: string): CacheTo {
  if (!text.includes("=")) {
    return { type: "registry", destination: text, all: false, ignoreError: false };
  }
  const what = `--cache-to ${text}`;
  const fields = parseFields(text, "cache-to");
  const type = types.find((it) => it === fields.get("type"));
  if (type === undefined) throw new Error(`${what}: expected type= one of ${types.join(", ")}`);
  const mode = fields.get("mode") ?? "min";
  if (mode !== "min" && mode !== "max") throw new Error(`${what}: expected mode=min or mode=max`);
  if (type === "inline" && mode === "max") {
    throw new Error(`${what}: an image holds its own steps alone: expected mode=min`);
  }
  const field = type === "registry" ? "ref" : "dest";
  return {
    type,
    destination: type === "inline" ? "" : required(fields, field, what),
    all: mode === "max",
    ignoreError: fields.get("ignore-error") === "true",
  };
}

function required(fields: ReadonlyMap<string, string>, name: string, what: string): string {
  const value = fields.get(name) ?? "";
  if (value === "") throw new Error(`${what}: expected ${name}=`);
  return value;
}
