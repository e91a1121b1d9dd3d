import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { mediaTypes } from "#oci/media-types.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import { eventually } from "#testing/eventually.ts";
import { openGate } from "./access.ts";
import { openRegistryServer, type RegistryServer } from "./server.ts";

const directory = mkdtempSync(join(tmpdir(), "gantry-registry-"));
let store: ImageStore | undefined;
let server: RegistryServer | undefined;

before(async () => {
  store = await openImageStore(directory, { clock: systemClock, log: silentLogger });
  const all = openGate(["pull", "push", "delete"]);
  server = await openRegistryServer({
    store,
    listeners: [
      { host: "127.0.0.1", port: 0, gate: all, tls: undefined },
      { host: "127.0.0.1", port: 0, gate: openGate(["pull"]), tls: undefined },
    ],
    mirror: undefined,
    isOwnName: (host) => host === "localhost:5000",
    clock: systemClock,
    log: silentLogger,
  });
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function sha(text: string | Uint8Array, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(text).digest("hex")}`;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function ask(
  line: string,
  more: {
    readonly headers?: Record<string, string>;
    readonly body?: string;
    readonly at?: number;
  } = {},
): Promise<Answer> {
  const [method = "", path = ""] = line.split(" ");
  const url = `http://127.0.0.1:${server?.ports[more.at ?? 0] ?? 0}${path}`;
  const { headers = {}, body } = more;
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

function codeOf({ text }: Answer): string {
  return (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code ?? "";
}

async function push(repository: string, text: string): Promise<string> {
  const digest = sha(text);
  const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
  const answer = await ask(`POST ${path}`, { body: text });
  assert.equal(answer.status, 201, answer.text);
  return digest;
}

function manifestOf(layers: readonly string[], more: object = {}): string {
  const descriptor = (mediaType: string, text: string): object => {
    return { mediaType, digest: sha(text), size: text.length };
  };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(mediaTypes.config, "{}"),
    layers: layers.map((it) => descriptor(mediaTypes.layer, it)),
    ...more,
  });
}

async function pushImage(
  at: string,
  layers: readonly string[],
  more: object = {},
): Promise<{ readonly digest: string; readonly text: string }> {
  const [repository = "", tag = ""] = at.split(":");
  for (const it of ["{}", ...layers]) await push(repository, it);
  const text = manifestOf(layers, more);
  const headers = { "content-type": mediaTypes.manifest };
  const answer = await ask(`PUT /v2/${repository}/manifests/${tag}`, { headers, body: text });
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.headers.get("docker-content-digest"), sha(text));
  return { digest: sha(text), text };
}

test("registry: what is pushed is pulled, by tag and by digest", async () => {
  const { digest, text } = await pushImage("pushed/app:1.0", ["a layer"]);
  for (const reference of ["1.0", digest]) {
    const answer = await ask(`GET /v2/pushed/app/manifests/${reference}`);
    assert.equal(answer.text, text);
    assert.equal(answer.headers.get("content-type"), mediaTypes.manifest);
    assert.equal(answer.headers.get("docker-content-digest"), digest);
    const head = await ask(`HEAD /v2/pushed/app/manifests/${reference}`);
    assert.deepEqual([head.status, head.text], [200, ""]);
    assert.equal(head.headers.get("content-length"), String(text.length));
  }
  const etag = `"${digest}"`;
  const headers = { "if-none-match": etag };
  assert.equal((await ask("GET /v2/pushed/app/manifests/1.0", { headers })).status, 304);
  assert.equal((await ask(`GET /v2/pushed/app/blobs/${sha("a layer")}`)).text, "a layer");
});

const ranges: [range: string, status: number, text: string | undefined][] = [
  ["bytes=4-", 206, "ranged layer".slice(4)],
  ["bytes=0-2", 206, "ran"],
  ["bytes=-5", 206, "layer"],
  ["bytes=400-", 416, undefined],
  ["lines=1-2", 200, "ranged layer"],
];

test("registry: parts of a blob", async () => {
  const digest = await push("ranges", "ranged layer");
  for (const [range, status, text] of ranges) {
    const answer = await ask(`GET /v2/ranges/blobs/${digest}`, { headers: { range } });
    assert.equal(answer.status, status, range);
    if (text !== undefined) assert.equal(answer.text, text);
    else assert.equal(codeOf(answer), "RANGE_INVALID");
  }
});

test("registry: a chunked upload; chunks out of order are refused, and it goes on", async () => {
  const begun = await ask("POST /v2/chunks/blobs/uploads/");
  assert.equal(begun.status, 202);
  const location = begun.headers.get("location") ?? "";
  const chunk = async (range: string, body: string): Promise<Answer> => {
    return await ask(`PATCH ${location}`, { headers: { "content-range": range }, body });
  };
  assert.equal((await chunk("0-4", "hello")).headers.get("range"), "0-4");
  const wrong = await chunk("6-9", "late");
  assert.deepEqual([wrong.status, wrong.headers.get("range")], [416, "0-4"]);
  assert.equal((await chunk("9-6", "late")).status, 400);
  const status = await ask(`GET ${location}`);
  assert.deepEqual([status.status, status.headers.get("range")], [204, "0-4"]);
  const digest = sha("hello world", "sha512");
  const done = await ask(`PUT ${location}?digest=${digest}`, { body: " world" });
  assert.equal(done.status, 201, done.text);
  assert.equal((await ask(`GET ${done.headers.get("location") ?? ""}`)).text, "hello world");
  assert.equal(codeOf(await ask(`GET ${location}`)), "BLOB_UPLOAD_UNKNOWN");
});

test("registry: an upload that is given up leaves nothing", async () => {
  const begun = await ask("POST /v2/cancelled/blobs/uploads/");
  const location = begun.headers.get("location") ?? "";
  await ask(`PATCH ${location}`, { body: "half" });
  assert.equal(readdirSync(join(directory, "ingest")).length, 1);
  assert.equal((await ask(`DELETE ${location}`)).status, 204);
  assert.deepEqual(readdirSync(join(directory, "ingest")), []);
  assert.equal((await ask(`PATCH ${location}`, { body: "more" })).status, 404);
});

test("registry: a client that goes away in the middle can go on where it was", async () => {
  const begun = await ask("POST /v2/broken/blobs/uploads/");
  const location = begun.headers.get("location") ?? "";
  const socket = connect(server?.ports[0] ?? 0, "127.0.0.1");
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello`);
  await eventually(async () => {
    // The session is the request's as long as it has the connection.
    assert.equal((await ask(`PATCH ${location}`, { body: "x" })).status, 409);
  }, 30_000);
  socket.destroy();
  await eventually(async () => {
    const { headers } = await ask(`GET ${location}`);
    assert.equal(headers.get("range"), "0-4");
    const { status } = await ask(`PUT ${location}?digest=${sha("hello!")}`, { body: "!" });
    assert.equal(status, 201);
  }, 30_000);
});

test("registry: a client that goes away in the middle of a single request leaves nothing", async () => {
  const path = `/v2/left/blobs/uploads/?digest=${sha("never whole")}`;
  const socket = connect(server?.ports[0] ?? 0, "127.0.0.1");
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nnever`);
  const ingest = join(directory, "ingest");
  await eventually(() => {
    assert.equal(readdirSync(ingest).length, 1);
  }, 30_000);
  socket.destroy();
  await eventually(() => {
    assert.deepEqual(readdirSync(ingest), []);
  }, 30_000);
});

test("registry: a wrong digest is refused, and nothing of it is kept", async () => {
  const body = "something else";
  const answer = await ask(`POST /v2/wrong/blobs/uploads/?digest=${sha("x")}`, { body });
  assert.deepEqual([answer.status, codeOf(answer)], [400, "DIGEST_INVALID"]);
  assert.equal((await ask(`GET /v2/wrong/blobs/${sha(body)}`)).status, 404);
  assert.deepEqual(readdirSync(join(directory, "ingest")), []);
});

test("registry: a blob is mounted from another repository, and seen in no other", async () => {
  const digest = await push("mount/from", "mounted");
  assert.equal((await ask(`HEAD /v2/mount/to/blobs/${digest}`)).status, 404);
  const none = `POST /v2/mount/to/blobs/uploads/?mount=${digest}&from=mount/elsewhere`;
  assert.equal((await ask(none)).status, 202);
  const mounted = await ask(`POST /v2/mount/to/blobs/uploads/?mount=${digest}&from=mount/from`);
  assert.equal(mounted.status, 201);
  assert.equal((await ask(`GET /v2/mount/to/blobs/${digest}`)).text, "mounted");
});

const badManifests: [title: string, body: string, type: string, code: string][] = [
  ["no JSON", "{", mediaTypes.manifest, "MANIFEST_INVALID"],
  ["schema 1", '{"schemaVersion":1}', mediaTypes.manifest, "MANIFEST_INVALID"],
  ["another type", manifestOf([]), mediaTypes.dockerManifest, "MANIFEST_INVALID"],
  ["missing layers", manifestOf(["never pushed"]), mediaTypes.manifest, "MANIFEST_BLOB_UNKNOWN"],
  ["too large", " ".repeat(4_194_305), mediaTypes.manifest, "MANIFEST_INVALID"],
];

for (const [title, body, type, code] of badManifests) {
  test(`registry: a manifest is refused: ${title}`, async () => {
    await push("bad", "{}");
    const headers = { "content-type": type };
    const answer = await ask("PUT /v2/bad/manifests/1", { headers, body });
    assert.equal(answer.status, title === "too large" ? 413 : 400);
    assert.equal(codeOf(answer), code);
    assert.equal((await ask("GET /v2/bad/manifests/1")).status, 404);
  });
}

test("registry: tags and repositories come in pages", async () => {
  const { text } = await pushImage("pages/app:b", []);
  const headers = { "content-type": mediaTypes.manifest };
  const tags = `tag=a&tag=c`;
  const path = `/v2/pages/app/manifests/${sha(text)}?${tags}`;
  const put = await ask(`PUT ${path}`, { headers, body: text });
  assert.equal(put.headers.get("oci-tag"), "a, c");
  const first = await ask("GET /v2/pages/app/tags/list?n=2");
  assert.deepEqual(JSON.parse(first.text), { name: "pages/app", tags: ["a", "b"] });
  const next = /<(.+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
  const second = await ask(`GET ${next}`);
  assert.deepEqual(JSON.parse(second.text), { name: "pages/app", tags: ["c"] });
  assert.equal(second.headers.get("link"), null);
  assert.equal(codeOf(await ask("GET /v2/pages/none/tags/list")), "NAME_UNKNOWN");
  assert.equal((await ask("GET /v2/pages/app/tags/list?n=x")).status, 400);
  const catalog = await ask("GET /v2/_catalog?last=pages/a&n=1");
  assert.deepEqual(JSON.parse(catalog.text), { repositories: ["pages/app"] });
});

test("registry: referrers, with a filter", async () => {
  const { digest, text } = await pushImage("refer/app:1", []);
  const subject = { mediaType: mediaTypes.manifest, digest, size: text.length };
  const sbom = await pushImage("refer/app:sbom", [], { subject, artifactType: "a/sbom" });
  const list = async (query: string): Promise<{ count: number; answer: Answer }> => {
    const answer = await ask(`GET /v2/refer/app/referrers/${digest}${query}`);
    const { manifests } = JSON.parse(answer.text) as { manifests: { digest: string }[] };
    return { count: manifests.length, answer };
  };
  assert.equal((await list("")).count, 1);
  const filtered = await list("?artifactType=a/signature");
  assert.equal(filtered.count, 0);
  assert.equal(filtered.answer.headers.get("oci-filters-applied"), "artifactType");
  assert.equal((await ask(`DELETE /v2/refer/app/manifests/${sbom.digest}`)).status, 202);
  assert.equal((await list("")).count, 0);
});

test("registry: tags, manifests and blobs are deleted, a blob in use is not", async () => {
  const { digest } = await pushImage("gone/app:1", ["gone layer"]);
  const blob = `/v2/gone/app/blobs/${sha("gone layer")}`;
  assert.equal((await ask(`DELETE ${blob}`)).status, 405);
  assert.equal((await ask("DELETE /v2/gone/app/manifests/1")).status, 202);
  assert.equal((await ask("GET /v2/gone/app/manifests/1")).status, 404);
  assert.equal((await ask(`GET /v2/gone/app/manifests/${digest}`)).status, 200);
  assert.equal((await ask(`DELETE /v2/gone/app/manifests/${digest}`)).status, 202);
  assert.equal((await ask(`DELETE /v2/gone/app/manifests/${digest}`)).status, 404);
  assert.equal((await ask(`DELETE ${blob}`)).status, 202);
  assert.equal((await ask(`GET ${blob}`)).status, 404);
});

test("registry: a client from before indexes gets the manifest of linux/amd64", async () => {
  const { digest, text } = await pushImage("old/app:one", []);
  const platform = { os: "linux", architecture: "amd64" };
  const child = { mediaType: mediaTypes.manifest, digest, size: text.length, platform };
  const index = JSON.stringify({ schemaVersion: 2, manifests: [child] });
  const headers = { "content-type": mediaTypes.index };
  await ask("PUT /v2/old/app/manifests/all", { headers, body: index });
  const get = async (accept: string): Promise<string> => {
    return (await ask("GET /v2/old/app/manifests/all", { headers: { accept } })).text;
  };
  assert.equal(await get(mediaTypes.dockerManifest), text);
  assert.equal(await get(`${mediaTypes.dockerManifest}, ${mediaTypes.index}`), index);
  assert.equal(await get("*/*"), index);
});

test("registry: a damaged blob is never served whole, and can be pushed again", async () => {
  const digest = await push("damaged", "precious content");
  writeFileSync(join(directory, "blobs/sha256", digest.slice(7)), "Precious content");
  await assert.rejects(ask(`GET /v2/damaged/blobs/${digest}`));
  assert.equal((await ask(`GET /v2/damaged/blobs/${digest}`)).status, 404);
  await push("damaged", "precious content");
  assert.equal((await ask(`GET /v2/damaged/blobs/${digest}`)).text, "precious content");
});

test("registry: as a mirror it serves another registry's names", async () => {
  const { text } = await pushImage("docker.io/library/app:1", []);
  const own = await pushImage("team/app:1", ["own"]);
  const get = async (query: string): Promise<Answer> => await ask(`GET /v2/${query}`);
  const mirrored = await get("library/app/manifests/1?ns=docker.io");
  assert.equal(mirrored.text, text);
  assert.equal(mirrored.headers.get("oci-namespace"), "docker.io");
  assert.equal((await get("library/app/manifests/1")).status, 404);
  assert.equal((await get("library/app/manifests/1?ns=quay.io")).status, 404);
  assert.equal((await get("library/app/manifests/1?ns=../docker.io")).status, 404);
  assert.equal((await get("team/app/manifests/1?ns=localhost:5000")).text, own.text);
});

const refusals: [request: string, status: number, code: string][] = [
  ["GET /v2/app/blobs/..%2f..%2fetc", 400, "DIGEST_INVALID"],
  ["GET /v2/app/manifests/..%2fx", 400, "TAG_INVALID"],
  ["GET /v2/../../etc/manifests/1", 404, "UNSUPPORTED"],
  ["POST /v2/UPPER/blobs/uploads/", 400, "NAME_INVALID"],
  ["POST /v2/a/blobs/uploads/?digest=x", 400, "DIGEST_INVALID"],
  ["POST /v2/a/blobs/uploads/?digest-algorithm=md5", 400, "DIGEST_INVALID"],
  ["PATCH /v2/a/blobs/uploads/0b5c7f66-33b5-4a5e-9d3e-52a2f4a0f0a1", 404, "BLOB_UPLOAD_UNKNOWN"],
  ["POST /v2/a/manifests/1", 405, "UNSUPPORTED"],
  ["PUT /v2/_catalog", 405, "UNSUPPORTED"],
  ["GET /elsewhere", 404, "UNSUPPORTED"],
];

for (const [request, status, code] of refusals) {
  test(`registry: ${request.slice(0, 60)} -> ${code}`, async () => {
    const answer = await ask(request);
    assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
  });
}

test("registry: where only pulls are allowed, nothing else is", async () => {
  const { text, digest } = await pushImage("guarded/app:1", []);
  const headers = { "content-type": mediaTypes.manifest };
  assert.equal((await ask("GET /v2/guarded/app/manifests/1", { at: 1 })).text, text);
  for (const request of [
    "POST /v2/guarded/app/blobs/uploads/",
    "PUT /v2/guarded/app/manifests/2",
    `DELETE /v2/guarded/app/manifests/${digest}`,
  ]) {
    const answer = await ask(request, {
      headers,
      at: 1,
      ...(request.startsWith("PUT") ? { body: text } : {}),
    });
    assert.deepEqual([answer.status, codeOf(answer)], [401, "UNAUTHORIZED"], request);
  }
  assert.equal((await ask("GET /v2/guarded/app/manifests/2")).status, 404);
});
