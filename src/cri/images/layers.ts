import { createHash } from "node:crypto";
import type { Descriptor } from "./archive.ts";

/** An image as its blobs say it: one layer for each id of its content. */
export interface ImageLayers {
  readonly layers: readonly Descriptor[];
  /** Digest of each layer's tar, the lowest first. */
  readonly diffIds: readonly string[];
}

/** What a manifest's blob says; an index names manifests for several platforms. */
export type Manifest =
  | { readonly kind: "manifest"; readonly config: string; readonly layers: readonly Descriptor[] }
  | { readonly kind: "index"; readonly manifest: string };

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/**
 * Reads a manifest or an index: OCI image-spec `manifest.md`, `image-index.md`.
 * @param arch as `process.arch` says it. @throws {Error} when there is nothing for it.
 */
export function parseManifest(json: unknown, arch: string): Manifest {
  if (!isRecord(json)) throw new Error("the image's manifest is no JSON object");
  const manifests = json["manifests"];
  if (Array.isArray(manifests)) {
    const wanted = architectures[arch] ?? arch;
    const entries = manifests.filter(isRecord);
    const found = entries.find((it) => isFor(it["platform"], wanted)) ?? entries.find(isForAll);
    const digest = found?.["digest"];
    if (typeof digest === "string") return { kind: "index", manifest: digest };
    throw new Error(`the image has no manifest for linux/${wanted}`);
  }
  const config = isRecord(json["config"]) ? json["config"]["digest"] : undefined;
  const layers = Array.isArray(json["layers"]) ? json["layers"].filter(isDescriptor) : [];
  if (typeof config !== "string") throw new Error("the image's manifest names no config");
  return { kind: "manifest", config, layers };
}

/** The ids of the layers' content, from the image's config: OCI image-spec `config.md`. */
export function parseDiffIds(json: unknown): readonly string[] {
  const rootfs = isRecord(json) ? json["rootfs"] : undefined;
  const ids = isRecord(rootfs) ? rootfs["diff_ids"] : undefined;
  return Array.isArray(ids) ? ids.filter((it) => typeof it === "string") : [];
}

/**
 * Names of the snapshots, one for each layer on top of those below it: OCI image-spec `config.md`,
 * "Layer ChainID".
 */
export function chainIds(diffIds: readonly string[]): readonly string[] {
  const chain: string[] = [];
  for (const id of diffIds) {
    const below = chain.at(-1);
    const text = `${below ?? ""} ${id}`;
    const digest = createHash("sha256").update(text).digest("hex");
    chain.push(below === undefined ? id : `sha256:${digest}`);
  }
  return chain;
}

function isFor(platform: unknown, architecture: string): boolean {
  if (!isRecord(platform)) return false;
  return platform["os"] === "linux" && platform["architecture"] === architecture;
}

function isForAll(entry: Record<string, unknown>): boolean {
  return entry["platform"] === undefined;
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    isRecord(value) &&
    typeof value["mediaType"] === "string" &&
    typeof value["digest"] === "string" &&
    typeof value["size"] === "number"
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
