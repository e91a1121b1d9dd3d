import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { pack, type Header } from "tar-stream";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { parseManifest } from "#oci/manifest.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import { loadArchive } from "./load.ts";

const never = new AbortController().signal;

async function open(context: TestContext): Promise<ImageStore> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-load-"));
  const store = await openImageStore(directory, { clock: systemClock, log: silentLogger });
  context.after(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });
  return store;
}

function hexOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

type Entries = readonly (readonly [header: Partial<Header> & { name: string }, text: string])[];

function tarOf(entries: Entries): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const [header, text] of entries) tar.entry(header, text);
  tar.finalize();
  return Readable.from(tar as AsyncIterable<Uint8Array>);
}

function descriptor(mediaType: string, text: string, more: object = {}): object {
  return { mediaType, digest: `sha256:${hexOf(text)}`, size: text.length, ...more };
}

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: descriptor(mediaTypes.config, "{}"),
  layers: [descriptor(mediaTypes.layer, "layer")],
});

function layout(
  annotations: object,
  blobs = ["{}", "layer", manifest],
  target = manifest,
): Entries {
  const mediaType = target === manifest ? mediaTypes.manifest : mediaTypes.index;
  const manifests = [descriptor(mediaType, target, { annotations })];
  return [
    [{ name: "./index.json" }, JSON.stringify({ schemaVersion: 2, manifests })],
    [{ name: "oci-layout" }, "{}"],
    ...blobs.map((it) => [{ name: `blobs/sha256/${hexOf(it)}` }, it] as const),
  ];
}

test("loadArchive: an OCI layout, with containerd's name", async (context) => {
  const store = await open(context);
  const name = "docker.io/library/app:1.0";
  const entries = layout({ "io.containerd.image.name": name });
  const loaded = await loadArchive(store, tarOf(entries), never);
  assert.deepEqual(
    loaded.map((it) => it.name),
    [name],
  );
  assert.equal(
    store.findManifest("docker.io/library/app", "1.0")?.digest,
    `sha256:${hexOf(manifest)}`,
  );
});

test("loadArchive: an index, with those of its manifests that are there", async (context) => {
  const store = await open(context);
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [
      descriptor(mediaTypes.manifest, manifest),
      descriptor(mediaTypes.manifest, "of another platform"),
    ],
  });
  const annotations = { "org.opencontainers.image.ref.name": "app:1" };
  const entries = layout(annotations, ["{}", "layer", manifest, index], index);
  const [loaded] = await loadArchive(store, tarOf(entries), never);
  assert.equal(loaded?.name, "docker.io/library/app:1");
  assert.equal(loaded.manifest.mediaType, mediaTypes.index);
  assert.ok(store.findManifest("docker.io/library/app", `sha256:${hexOf(manifest)}`));
});

test("loadArchive: docker save, whose layers may be links", async (context) => {
  const store = await open(context);
  const images = [
    {
      Config: "c.json",
      RepoTags: ["app:1", "reg.example/app:2"],
      Layers: ["a/layer.tar", "b/layer.tar"],
    },
  ];
  const entries: Entries = [
    [{ name: "c.json" }, "{}"],
    [{ name: "a/layer.tar" }, "layer"],
    [{ name: "b/layer.tar", type: "symlink", linkname: "../a/layer.tar" }, ""],
    [{ name: "manifest.json" }, JSON.stringify(images)],
  ];
  const loaded = await loadArchive(store, tarOf(entries), never);
  assert.deepEqual(
    loaded.map((it) => it.name),
    ["docker.io/library/app:1", "reg.example/app:2"],
  );
  const found = store.findManifest("reg.example/app", "2");
  const content = parseManifest(await store.readManifest(found?.digest ?? ""));
  const digest = `sha256:${hexOf("layer")}`;
  assert.deepEqual(
    content.layers.map((it) => it.digest),
    [digest, digest],
  );
});

const bad: [title: string, entries: Entries, message: RegExp][] = [
  ["no index", [[{ name: "other" }, "x"]], /neither index.json nor manifest.json/],
  ["an empty index", [[{ name: "index.json" }, '{"manifests":[]}']], /holds no image/],
  [
    "a blob that is not what its name says",
    [...layout({}), [{ name: `blobs/sha256/${"1".repeat(64)}` }, "x"]],
    /expected the content of sha256:111/,
  ],
  ["a missing layer", layout({}, ["{}", manifest]), /not here/],
  ["a missing manifest", layout({}, ["{}", "layer"]), /damaged/],
  ["a name that is none", layout({ "io.containerd.image.name": "docker.io/../x:1" }), /invalid/],
];

for (const [title, entries, message] of bad) {
  test(`loadArchive: ${title} is refused`, async (context) => {
    const store = await open(context);
    await assert.rejects(loadArchive(store, tarOf(entries), never), message);
    assert.deepEqual(store.listRepositories({ limit: 9 }), []);
  });
}

test("loadArchive: an archive that is cut off is refused", async (context) => {
  const store = await open(context);
  const parts: Uint8Array[] = [];
  for await (const part of tarOf(layout({}))) parts.push(part);
  const half = Buffer.concat(parts).subarray(0, 1_600);
  await assert.rejects(loadArchive(store, Readable.from([half]), never));
});
