import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { RemoteRegistry } from "#images/client/remote.ts";
import { openImageStore } from "#images/store/open.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openGate } from "#registry/access.ts";
import { openRegistryServer, type RegistryServer } from "#registry/server.ts";
import { eventually } from "#testing/eventually.ts";
import { MirroredTags } from "./mirrored-tags.ts";
import { Mirrors } from "./mirrors.ts";
import { PullThrough } from "./pull-through.ts";

const layer = "the layer of it";
const domain = "docker.io";

function sha(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function descriptor(mediaType: string, text: string): object {
  return { mediaType, digest: sha(text), size: text.length };
}

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: descriptor(mediaTypes.config, "{}"),
  layers: [descriptor(mediaTypes.layer, layer)],
});

/** A registry that says what it was asked, and answers as it is told. */
class Upstream {
  readonly asked: string[] = [];
  readonly content = new Map<string, string>([
    ["/v2/library/app/manifests/1", manifest],
    [`/v2/library/app/blobs/${sha("{}")}`, "{}"],
    [`/v2/library/app/blobs/${sha(layer)}`, layer],
  ]);
  /** Paths whose answers wait until they are let go. */
  readonly held = new Map<string, () => void>();
  holdPath: string | undefined;
  isDown = false;

  answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    if (path === "/v2/") {
      response.end("{}");
      return;
    }
    this.asked.push(path);
    const text = this.content.get(path);
    if (this.isDown) request.socket.destroy();
    else if (text === undefined) response.writeHead(404).end();
    else if (this.holdPath === path) this.held.set(path, () => response.end(text));
    else response.writeHead(200, { "content-type": mediaTypes.manifest }).end(text);
  }
}

interface Fixture {
  readonly upstream: Upstream;
  readonly store: ImageStore;
  readonly clock: FakeClock;
  readonly registry: RegistryServer;
  readonly get: (path: string, signal?: AbortSignal) => Promise<Response>;
}

/** @param isOwn whether the registry has images of its own, too. */
async function open(context: TestContext, isOwn = false): Promise<Fixture> {
  const stack = new AsyncDisposableStack();
  context.after(async () => {
    await stack.disposeAsync();
  });
  const directory = mkdtempSync(join(tmpdir(), "gantry-mirror-"));
  stack.defer(() => {
    rmSync(directory, { recursive: true });
  });
  const upstream = new Upstream();
  const server = createServer((request, response) => {
    upstream.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const place = { domain: `127.0.0.1:${port}`, credentials: undefined, ca: undefined };
  const remote = stack.use(new RemoteRegistry({ ...place, isInsecure: true }));
  const clock = new FakeClock(1_800_000_000_000);
  const store = stack.use(await openImageStore(directory, { clock, log: silentLogger }));
  const { signal } = new AbortController();
  const tags = isOwn ? await MirroredTags.open(join(directory, "tags")) : undefined;
  const through = new PullThrough({
    store,
    remote,
    domain,
    tags,
    clock,
    log: silentLogger,
    signal,
  });
  const mirror = isOwn ? new Mirrors(new Map([[domain, through]])) : through;
  const gate = openGate(["pull"]);
  const registry = stack.use(
    await openRegistryServer({
      store,
      listeners: [{ host: "127.0.0.1", port: 0, gate, tls: undefined }],
      mirror,
      isOwnName: () => false,
      clock,
      log: silentLogger,
    }),
  );
  const get = async (path: string, gone?: AbortSignal): Promise<Response> => {
    const url = `http://127.0.0.1:${registry.ports[0] ?? 0}/v2/library/app/${path}?ns=${domain}`;
    return await fetch(url, gone === undefined ? {} : { signal: gone });
  };
  return { upstream, store, clock, registry, get };
}

async function pullAll({ get }: Fixture): Promise<string[]> {
  const texts: string[] = [];
  for (const path of ["manifests/1", `blobs/${sha("{}")}`, `blobs/${sha(layer)}`]) {
    texts.push(await (await get(path)).text());
  }
  return texts;
}

test("PullThrough: an image is brought once, and kept when all of it is here", async (context) => {
  const fixture = await open(context);
  const { upstream, store, get } = fixture;
  assert.equal(await (await get("manifests/1")).text(), manifest);
  assert.equal(store.findManifest("docker.io/library/app", "1"), undefined);
  assert.deepEqual(await pullAll(fixture), [manifest, "{}", layer]);
  assert.equal(store.findManifest("docker.io/library/app", "1")?.digest, sha(manifest));
  const { length } = upstream.asked;
  assert.deepEqual(await pullAll(fixture), [manifest, "{}", layer]);
  assert.equal(upstream.asked.length, length);
  assert.equal((await get("manifests/2")).status, 404);
});

test("PullThrough: many who ask for a blob bring it once, and one who leaves ends nothing", async (context) => {
  const { upstream, get } = await open(context);
  const path = `blobs/${sha(layer)}`;
  upstream.holdPath = `/v2/library/app/${path}`;
  const leaving = new AbortController();
  const left = get(path, leaving.signal);
  await eventually(() => {
    assert.equal(upstream.held.size, 1);
  }, 30_000);
  const others = Array.from({ length: 5 }, async () => await (await get(path)).text());
  leaving.abort();
  await assert.rejects(left);
  upstream.held.get(upstream.holdPath)?.();
  assert.deepEqual(
    await Promise.all(others),
    Array.from({ length: 5 }, () => layer),
  );
  assert.equal(upstream.asked.filter((it) => it.endsWith(path)).length, 1);
});

test("PullThrough: content of another digest is never served", async (context) => {
  const { upstream, store, get } = await open(context);
  upstream.content.set(`/v2/library/app/blobs/${sha(layer)}`, "something else");
  assert.equal((await get(`blobs/${sha(layer)}`)).status, 502);
  assert.equal(await store.findBlob(sha(layer)), undefined);
  upstream.content.set(`/v2/library/app/manifests/${sha(manifest)}`, "{}");
  assert.equal((await get(`manifests/${sha(manifest)}`)).status, 502);
});

test("PullThrough: while the other registry is down, what is here is served", async (context) => {
  const fixture = await open(context);
  const { upstream, clock, get } = fixture;
  await pullAll(fixture);
  upstream.isDown = true;
  await clock.advance(3_600_000);
  assert.deepEqual(await pullAll(fixture), [manifest, "{}", layer]);
  assert.equal((await get("manifests/2")).status, 502);
});

test("PullThrough: a tag that moved is followed after a while", async (context) => {
  const fixture = await open(context);
  const { upstream, clock, get, store } = fixture;
  await pullAll(fixture);
  const next = manifest.replace("{", "{ ");
  upstream.content.set("/v2/library/app/manifests/1", next);
  assert.equal(await (await get("manifests/1")).text(), manifest);
  await clock.advance(120_000);
  assert.equal(await (await get("manifests/1")).text(), next);
  assert.equal(store.findManifest("docker.io/library/app", "1")?.digest, sha(next));
});

test("PullThrough: beside own images it follows only tags that it brought", async (context) => {
  const fixture = await open(context, true);
  const { upstream, clock, get, store } = fixture;
  assert.deepEqual(await pullAll(fixture), [manifest, "{}", layer]);
  const next = manifest.replace("{", "{ ");
  upstream.content.set("/v2/library/app/manifests/1", next);
  await clock.advance(120_000);
  assert.equal(await (await get("manifests/1")).text(), next);
  const repository = "docker.io/library/app";
  const own = Buffer.from(manifest.replace("{", "{  "));
  await store.putManifest({ repository, bytes: own, tags: ["1"] });
  await clock.advance(120_000);
  const { length } = upstream.asked;
  assert.equal(await (await get("manifests/1")).text(), own.toString());
  assert.equal(upstream.asked.length, length);
});

test("Mirrors: a registry that is not mirrored is not asked, and pushes are taken", async (context) => {
  const { upstream, registry } = await open(context, true);
  const url = `http://127.0.0.1:${registry.ports[0] ?? 0}/v2/library/app/manifests/1`;
  assert.equal((await fetch(`${url}?ns=quay.io`)).status, 404);
  assert.equal((await fetch(url)).status, 404);
  assert.deepEqual(upstream.asked, []);
  // For pulls only: but by its gate, not for being a mirror.
  assert.equal((await fetch(url, { method: "PUT", body: manifest })).status, 401);
});
