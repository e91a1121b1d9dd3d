import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOfPath, dockerImages, gcLabels, namedImages } from "./archive.ts";

const layer = { mediaType: "layer", digest: "sha256:l", size: 1 };
const manifest = { mediaType: "manifest", digest: "sha256:m", size: 1 };

const labelCases: [given: unknown, want: Record<string, string>][] = [
  [
    { config: { digest: "sha256:c" }, layers: [layer, { ...layer, digest: "sha256:k" }] },
    {
      "containerd.io/gc.ref.content.config": "sha256:c",
      "containerd.io/gc.ref.content.l.0": "sha256:l",
      "containerd.io/gc.ref.content.l.1": "sha256:k",
    },
  ],
  [{ manifests: [manifest] }, { "containerd.io/gc.ref.content.m.0": "sha256:m" }],
  [{ architecture: "amd64", config: { Cmd: ["sh"] } }, {}],
  [[1], {}],
  [null, {}],
];
for (const [given, want] of labelCases) {
  test(`gcLabels: ${JSON.stringify(given)}`, () => {
    assert.deepEqual(gcLabels(given), want);
  });
}

const nameCases: [annotations: Record<string, string>, want: string[]][] = [
  [{ "io.containerd.image.name": "docker.io/library/a:1" }, ["docker.io/library/a:1"]],
  [{ "org.opencontainers.image.ref.name": "a:1" }, ["a:1"]],
  [{ "org.opencontainers.image.ref.name": "latest" }, []],
  [{}, []],
];
for (const [annotations, want] of nameCases) {
  test(`namedImages: ${JSON.stringify(annotations)} -> ${want.join()}`, () => {
    const images = namedImages({ manifests: [{ ...manifest, annotations }] });
    assert.deepEqual(
      images.map((it) => it.name),
      want,
    );
  });
}

test("dockerImages: reads docker save's manifest.json and nothing else", () => {
  const given = [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"] }, { Config: 1 }];
  assert.deepEqual(dockerImages(given), [
    { configPath: "c.json", tags: ["a:1"], layerPaths: ["l/layer.tar"] },
  ]);
  assert.deepEqual(dockerImages({}), []);
});

test("digestOfPath: blobs only", () => {
  const hex = "a".repeat(64);
  assert.equal(digestOfPath(`blobs/sha256/${hex}`), `sha256:${hex}`);
  assert.equal(digestOfPath(`./blobs/sha256/${hex}`), `sha256:${hex}`);
  assert.equal(digestOfPath("blobs/sha256/../../etc/passwd"), undefined);
  assert.equal(digestOfPath("index.json"), undefined);
});
