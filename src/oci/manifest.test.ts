import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest, requiredDigests } from "./manifest.ts";
import { mediaTypes } from "./media-types.ts";

function digest(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

function at(letter: string, mediaType: string = mediaTypes.layer): object {
  return { mediaType, digest: digest(letter), size: 1 };
}

const image = { schemaVersion: 2, config: at("a", mediaTypes.config), layers: [at("b"), at("b")] };
const index = { schemaVersion: 2, manifests: [at("c", mediaTypes.manifest)] };

function parse(json: unknown, contentType?: string): ReturnType<typeof parseManifest> {
  return parseManifest(Buffer.from(JSON.stringify(json)), contentType);
}

test("parseManifest: an image needs its config and layers, each once", () => {
  const content = parse(image, mediaTypes.dockerManifest);
  assert.equal(content.mediaType, mediaTypes.dockerManifest);
  assert.equal(content.artifactType, mediaTypes.config);
  const blobs = [digest("a"), digest("b")];
  assert.deepEqual(requiredDigests(content), { blobs, manifests: [] });
});

test("parseManifest: an index needs its manifests; its kind shows without any type", () => {
  const content = parse(index);
  assert.equal(content.mediaType, mediaTypes.index);
  assert.equal(content.artifactType, undefined);
  assert.deepEqual(requiredDigests(content), { blobs: [], manifests: [digest("c")] });
});

test("parseManifest: layers that are not distributed need not be there", () => {
  const foreign = at("d", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
  const content = parse({ ...image, layers: [foreign] });
  assert.deepEqual(requiredDigests(content).blobs, [digest("a")]);
});

const bad: [title: string, json: unknown, contentType: string | undefined, message: RegExp][] = [
  ["no object", [], undefined, /not an object/],
  ["schema 1", { schemaVersion: 1 }, undefined, /schemaVersion/],
  ["two meanings", { ...image, ...index }, undefined, /both/],
  ["another type", { ...image, mediaType: "a/b" }, mediaTypes.manifest, /was sent as/],
  ["image as index", image, mediaTypes.index, /not that of/],
  ["index as image", index, mediaTypes.manifest, /not that of/],
  ["bad digest", { ...image, layers: [{ ...at("b"), digest: "x" }] }, undefined, /layers\[0\]/],
  ["bad size", { ...image, layers: [{ ...at("b"), size: -1 }] }, undefined, /size/],
  ["no list", { ...image, layers: {} }, undefined, /not a list/],
  ["bad annotation", { ...image, annotations: { a: 1 } }, undefined, /annotation/],
];

for (const [title, json, contentType, message] of bad) {
  test(`parseManifest: ${title} is refused`, () => {
    assert.throws(() => parse(json, contentType), message);
  });
}

test("parseManifest: bytes that are no JSON in UTF-8 are refused", () => {
  assert.throws(() => parseManifest(Buffer.from("{")), /not JSON/);
  assert.throws(() => parseManifest(Buffer.from([0x22, 0xff, 0x22])), /not JSON/);
});
