import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { createHash } from "node:crypto";
import { pack } from "tar-stream";
import { silentLogger } from "#base/log.ts";
import { LayoutStore } from "./layout-store.ts";
import { openRegistryServer, type RegistryServer } from "./server.ts";

const directory = mkdtempSync(join(tmpdir(), "gantry-registry-"));
const store = new LayoutStore(directory);
let server: RegistryServer | undefined;

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const layer = "the layer";
const mediaType = "application/vnd.oci.image.manifest.v1+json";
const manifest = JSON.stringify({ mediaType, layers: [{ digest: `sha256:${digestOf(layer)}` }] });

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
    "index.json": JSON.stringify({ manifests: [{ mediaType, digest, annotations }] }),
  };
}

before(async () => {
  await store.importArchive(archive(layout("docker.io/library/app:1.0")));
  await store.importArchive(archive(layout("registry.example:5000/team/app:1.0")));
  server = await openRegistryServer(store, silentLogger);
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
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
  ["GET /v2/library/app/manifests/1.0", {}, 200, manifest],
  ["HEAD /v2/library/app/manifests/1.0", {}, 200, ""],
  [`GET /v2/library/app/manifests/sha256:${digestOf(manifest)}`, {}, 200, manifest],
  ["GET /v2/library/app/manifests/1.0?ns=docker.io", {}, 200, manifest],
  ["GET /v2/library/app/manifests/1.0?ns=registry.example:5000", {}, 404, undefined],
  ["GET /v2/team/app/manifests/1.0?ns=registry.example:5000", {}, 200, manifest],
  ["GET /v2/team/app/manifests/1.0", {}, 404, undefined],
  ["GET /v2/library/app/manifests/1.0?ns=../docker.io", {}, 404, undefined],
  ["GET /v2/library/app/manifests/2.0", {}, 404, undefined],
  ["GET /v2/library/other/manifests/1.0", {}, 404, undefined],
  [`GET ${blobPath}`, {}, 200, layer],
  [`GET ${blobPath}`, { range: "bytes=4-" }, 206, "layer"],
  [`GET ${blobPath}`, { range: "bytes=400-" }, 416, undefined],
  [`GET /v2/library/app/blobs/sha256:${"0".repeat(64)}`, {}, 404, undefined],
  ["GET /v2/library/app/blobs/..%2f..%2fetc", {}, 404, undefined],
  ["GET /v2/library/app/manifests/..%2fx", {}, 404, undefined],
  ["PUT /v2/library/app/manifests/1.0", {}, 405, undefined],
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

test("LayoutStore: a blob that is not what its digest says is refused and not kept", async () => {
  const wrong = { ...layout("docker.io/library/bad:1"), [`blobs/sha256/${"1".repeat(64)}`]: "x" };
  await assert.rejects(store.importArchive(archive(wrong)), /damaged/);
  assert.equal(await store.find(`sha256:${"1".repeat(64)}`), undefined);
});

test("LayoutStore: archives without an index or a name are refused", async () => {
  await assert.rejects(store.importArchive(archive({ other: "x" })), /not an OCI layout/);
  await assert.rejects(store.importArchive(archive({ "index.json": "{}" })), /names no image/);
  await assert.rejects(
    store.importArchive(archive(layout("docker.io/../x:1"))),
    /no full image name/,
  );
});
