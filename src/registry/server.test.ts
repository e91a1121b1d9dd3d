import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { createHash } from "node:crypto";
import { pack } from "tar-stream";
import { silentLogger } from "#base/log.ts";
import { systemClock } from "#base/clock.ts";
import { loadArchive } from "#images/archive/load.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import { openRegistryServer, type RegistryServer } from "./server.ts";

const directory = mkdtempSync(join(tmpdir(), "gantry-registry-"));
let store: ImageStore | undefined;
let server: RegistryServer | undefined;

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const layer = "the layer";
const mediaType = "application/vnd.oci.image.manifest.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType,
  layers: [{ mediaType: layerType, digest: `sha256:${digestOf(layer)}`, size: layer.length }],
});

function archive(entries: Record<string, string>): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const [name, text] of Object.entries(entries)) tar.entry({ name }, text);
  tar.finalize();
  return Readable.from(tar as AsyncIterable<Uint8Array>);
}

function layout(name: string): Record<string, string> {
  const digest = `sha256:${digestOf(manifest)}`;
  const annotations = { "io.containerd.image.name": name };
  return {
    [`blobs/sha256/${digestOf(layer)}`]: layer,
    [`blobs/sha256/${digestOf(manifest)}`]: manifest,
    "index.json": JSON.stringify({
      manifests: [{ mediaType, digest, size: manifest.length, annotations }],
    }),
  };
}

before(async () => {
  store = await openImageStore(directory, { clock: systemClock, log: silentLogger });
  for (const name of ["docker.io/library/app:1.0", "registry.example:5000/team/app:1.0"]) {
    await loadArchive(store, archive(layout(name)), new AbortController().signal);
  }
  server = await openRegistryServer(store, silentLogger);
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const blobPath = `/v2/library/app/blobs/sha256:${digestOf(layer)}`;

const cases: [
  request: string,
  headers: Record<string, string>,
  status: number,
  body: string | undefined,
][] = [
  ["GET /v2/", {}, 200, "{}"],
  ["GET /v2/library/app/manifests/1.0?ns=docker.io", {}, 200, manifest],
  ["HEAD /v2/library/app/manifests/1.0?ns=docker.io", {}, 200, ""],
  [`GET /v2/library/app/manifests/sha256:${digestOf(manifest)}?ns=docker.io`, {}, 200, manifest],
  ["GET /v2/library/app/manifests/2.0?ns=docker.io", {}, 404, undefined],
  ["GET /v2/docker.io/library/app/manifests/1.0", {}, 200, manifest],
  ["GET /v2/library/app/manifests/1.0", {}, 404, undefined],
  ["GET /v2/library/other/manifests/1.0?ns=docker.io", {}, 404, undefined],
  ["GET /v2/library/app/manifests/1.0?ns=registry.example:5000", {}, 404, undefined],
  ["GET /v2/team/app/manifests/1.0?ns=registry.example:5000", {}, 200, manifest],
  ["GET /v2/team/app/manifests/1.0", {}, 404, undefined],
  ["GET /v2/library/app/manifests/1.0?ns=../docker.io", {}, 404, undefined],
  [`GET ${blobPath}`, {}, 200, layer],
  [`GET ${blobPath}`, { range: "bytes=4-" }, 206, "layer"],
  [`GET ${blobPath}`, { range: "bytes=400-" }, 416, undefined],
  [`GET /v2/library/app/blobs/sha256:${"0".repeat(64)}`, {}, 404, undefined],
  ["GET /v2/library/app/blobs/..%2f..%2fetc", {}, 404, undefined],
  ["GET /v2/library/app/manifests/..%2fx", {}, 404, undefined],
  ["PUT /v2/library/app/manifests/1.0?ns=docker.io", {}, 405, undefined],
  ["GET /elsewhere", {}, 404, undefined],
];

for (const [request, headers, status, body] of cases) {
  test(`registry: ${request.slice(0, 60)} ${JSON.stringify(headers)} -> ${status}`, async () => {
    const [method = "", path = ""] = request.split(" ");
    const response = await fetch(`http://127.0.0.1:${server?.port ?? 0}${path}`, {
      method,
      headers,
    });
    const text = await response.text();
    assert.equal(response.status, status);
    if (body !== undefined) assert.equal(text, body);
  });
}
