import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaTypes } from "#oci/media-types.ts";
import type { Descriptor } from "#oci/manifest.ts";
import { chooseManifest } from "./platform.ts";

function entry(text: string, index: number): Descriptor {
  const [os = "", architecture = "", variant] = text.split("/");
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  const digest = `sha256:${String(index).repeat(64)}`;
  const descriptor = { mediaType: mediaTypes.manifest, digest, size: 1 };
  return text === "" ? descriptor : { ...descriptor, platform };
}

const cases: [entries: string, wanted: string, index: number | undefined][] = [
  ["linux/amd64 linux/arm64", "linux/arm64", 1],
  ["linux/arm/v6 linux/arm/v7", "linux/arm/v7", 1],
  ["linux/arm64 linux/arm64/v8", "linux/arm64", 0],
  ["linux/arm64/v8", "linux/arm64", 0],
  ["windows/amd64 linux/amd64", "linux/amd64", 1],
  ["linux/s390x", "linux/amd64", undefined],
  ["", "linux/amd64", 0],
];

for (const [entries, wanted, index] of cases) {
  test(`chooseManifest: ${wanted} of '${entries}'`, () => {
    const manifests = entries.split(" ").map(entry);
    const { platform } = entry(wanted, 0);
    if (platform === undefined) throw new Error("no platform");
    const choose = (): readonly Descriptor[] => chooseManifest(manifests, platform, "index");
    if (index === undefined) assert.throws(choose, /no matching manifest for linux\/amd64/);
    else assert.deepEqual(choose(), [manifests[index]]);
  });
}
