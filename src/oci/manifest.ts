import { isDigest } from "./digest.ts";
import { isForeignLayer, isIndexType, mediaTypes } from "./media-types.ts";

/** A pointer to a blob: OCI image-spec `descriptor.md`. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly urls?: readonly string[];
  readonly platform?: Platform;
}

/** OCI image-spec `image-index.md`; names as in Go: `linux`, `amd64`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
}

/** What a manifest or an index says, as far as a registry reads it. */
export interface ManifestContent {
  readonly kind: "image" | "index";
  readonly mediaType: string;
  /** Undefined for an index, and for manifests that have none. */
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  /** Empty for an image. */
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  /** As a descriptor of it shows: of an image without one, its config's media type. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** The bytes are no manifest that can be kept. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/**
 * Reads an OCI or Docker (schema 2) manifest or index.
 * @param contentType what it was sent as, without parameters; undefined to go by its content.
 * @throws {ManifestError}
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): ManifestContent {
  const json = parseJson(bytes);
  const { mediaType, hasManifests } = typeOf(json, contentType);
  const config = hasManifests ? undefined : optionalDescriptor(json, "config");
  return {
    kind: hasManifests ? "index" : "image",
    mediaType,
    config,
    layers: descriptors(json, "layers"),
    manifests: descriptors(json, "manifests"),
    subject: optionalDescriptor(json, "subject"),
    artifactType: optionalText(json, "artifactType") ?? config?.mediaType,
    annotations: annotationsOf(json),
  };
}

/** One document must not mean two things to two readers: OCI image-spec, CVE-2021-41190. */
function typeOf(
  json: Record<string, unknown>,
  contentType: string | undefined,
): { readonly mediaType: string; readonly hasManifests: boolean } {
  const stated = optionalText(json, "mediaType");
  if (stated !== undefined && contentType !== undefined && stated !== contentType) {
    throw new ManifestError(
      `the manifest says mediaType ${stated}, and was sent as ${contentType}`,
    );
  }
  const hasManifests = json["manifests"] !== undefined;
  const hasLayers = json["layers"] !== undefined || json["config"] !== undefined;
  if (hasManifests && hasLayers) {
    throw new ManifestError("the manifest has both 'manifests' and 'layers' or 'config'");
  }
  if (json["schemaVersion"] !== 2) throw new ManifestError("schemaVersion is not 2");
  const guess = hasManifests ? mediaTypes.index : mediaTypes.manifest;
  const mediaType = contentType ?? stated ?? guess;
  if (isIndexType(mediaType) !== hasManifests) {
    throw new ManifestError(`the content is not that of a ${mediaType}`);
  }
  return { mediaType, hasManifests };
}

/** Digests of what a registry must have to serve it; each once. */
export function requiredDigests(content: ManifestContent): {
  readonly blobs: readonly string[];
  readonly manifests: readonly string[];
} {
  const layers = content.layers.filter((it) => !isForeignLayer(it.mediaType));
  const blobs = [...(content.config === undefined ? [] : [content.config]), ...layers];
  return {
    blobs: [...new Set(blobs.map((it) => it.digest))],
    manifests: [...new Set(content.manifests.map((it) => it.digest))],
  };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ManifestError("the manifest is not JSON in UTF-8", { cause });
  }
  if (!isRecord(json)) throw new ManifestError("the manifest is not an object");
  return json;
}

function descriptors(json: Record<string, unknown>, field: string): Descriptor[] {
  const list = json[field] ?? [];
  if (!Array.isArray(list)) throw new ManifestError(`${field} is not a list`);
  return list.map((it, index) => parseDescriptor(it, `${field}[${index}]`));
}

function optionalDescriptor(json: Record<string, unknown>, field: string): Descriptor | undefined {
  const value = json[field];
  return value === undefined || value === null ? undefined : parseDescriptor(value, field);
}

function parseDescriptor(value: unknown, at: string): Descriptor {
  if (!isRecord(value)) throw new ManifestError(`${at} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string") throw new ManifestError(`${at} has no mediaType`);
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw new ManifestError(`${at}.digest is not a sha256 or sha512 digest`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new ManifestError(`${at}.size is not a number of bytes`);
  }
  const platform = platformOf(value["platform"]);
  const annotations = annotationsOf(value);
  const artifactType = optionalText(value, "artifactType");
  const { urls } = value;
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(isStrings(urls) ? { urls } : {}),
    ...(platform === undefined ? {} : { platform }),
  };
}

function platformOf(value: unknown): Platform | undefined {
  if (!isRecord(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== "string" || typeof architecture !== "string") return undefined;
  const version = value["os.version"];
  return {
    os,
    architecture,
    ...(typeof variant === "string" ? { variant } : {}),
    ...(typeof version === "string" ? { "os.version": version } : {}),
  };
}

function annotationsOf(json: Record<string, unknown>): Record<string, string> | undefined {
  const value = json["annotations"];
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw new ManifestError("annotations is not an object");
  const entries = Object.entries(value);
  const texts = entries.filter((it): it is [string, string] => typeof it[1] === "string");
  if (texts.length !== entries.length) throw new ManifestError("an annotation is not text");
  return Object.fromEntries(texts);
}

function optionalText(json: Record<string, unknown>, field: string): string | undefined {
  const value = json[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new ManifestError(`${field} is not text`);
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}
