import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { mediaTypes } from "#oci/media-types.ts";
import {
  DamagedBlobError,
  DigestMismatchError,
  graceMs,
  MissingContentError,
  type ImageStore,
} from "./image-store.ts";
import { openLastingLease } from "./lasting-lease.ts";
import { openImageStore } from "./open.ts";

const never = new AbortController().signal;
const dayMs = 24 * 3_600_000;

interface Fixture {
  readonly store: ImageStore;
  readonly clock: FakeClock;
  readonly directory: string;
}

async function open(context: TestContext): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-images-"));
  const clock = new FakeClock(1_800_000_000_000);
  const store = await openImageStore(directory, { clock, log: silentLogger });
  context.after(async () => {
    await store[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });
  return { store, clock, directory };
}

function digestOf(bytes: string | Uint8Array, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    await Promise.resolve();
    yield Buffer.from(text);
  }
}

async function put(store: ImageStore, text: string, repository?: string): Promise<string> {
  const { digest } = await store.writeBlob(chunks(text), { repository }, never);
  return digest;
}

function imageOf(config: string, layers: readonly string[], more: object = {}): Buffer {
  const descriptor = (mediaType: string, text: string): object => {
    return { mediaType, digest: digestOf(text), size: text.length };
  };
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: descriptor(mediaTypes.config, config),
      layers: layers.map((it) => descriptor(mediaTypes.layer, it)),
      ...more,
    }),
  );
}

async function putImage(
  store: ImageStore,
  at: { readonly repository: string; readonly tags: readonly string[] },
  layers: readonly string[],
): Promise<string> {
  for (const text of ["{}", ...layers]) await put(store, text);
  const { digest } = await store.putManifest({ ...at, bytes: imageOf("{}", layers) });
  return digest;
}

async function read(store: ImageStore, digest: string): Promise<string | undefined> {
  const stream = await store.readBlob(digest);
  if (stream === undefined) return undefined;
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

test("ImageStore: a blob is there, whole and in parts, once it was written", async (context) => {
  const { store, directory } = await open(context);
  const digest = digestOf("hello world");
  assert.deepEqual(await store.writeBlob(chunks("hello ", "world"), {}, never), {
    digest,
    sizeBytes: 11,
  });
  assert.equal(await read(store, digest), "hello world");
  // A reader that goes away before the end.
  (await store.readBlob(digest, { start: 6, end: 8 }))?.destroy();
  assert.deepEqual(readdirSync(join(directory, "ingest")), []);
  const file = readFileSync(join(directory, "blobs/sha256", digest.slice(7)), "utf8");
  assert.equal(file, "hello world");
});

test("ImageStore: ranges, and sha512 asked for at the end", async (context) => {
  const { store } = await open(context);
  const digest = digestOf("hello world", "sha512");
  await using writer = await store.openWriter({});
  for await (const chunk of chunks("hello ", "world")) await writer.write(chunk);
  assert.equal((await writer.commit(digest)).digest, digest);
  const parts: Buffer[] = [];
  for await (const it of (await store.readBlob(digest, { start: 6, end: 8 })) ?? []) {
    parts.push(it as Buffer);
  }
  assert.equal(Buffer.concat(parts).toString(), "wor");
});

test("ImageStore: content of another digest is refused and leaves nothing", async (context) => {
  const { store, directory } = await open(context);
  const expected = digestOf("right");
  const writing = store.writeBlob(chunks("wrong"), { expected }, never);
  await assert.rejects(writing, DigestMismatchError);
  assert.equal(await store.findBlob(expected), undefined);
  assert.equal(await store.findBlob(digestOf("wrong")), undefined);
  assert.deepEqual(readdirSync(join(directory, "ingest")), []);
  assert.deepEqual(readdirSync(join(directory, "blobs/sha256")), []);
});

test("ImageStore: a damaged blob ends its stream before its end, and can be put anew", async (context) => {
  const { store, directory } = await open(context);
  const digest = await put(store, "precious");
  writeFileSync(join(directory, "blobs/sha256", digest.slice(7)), "Precious");
  await assert.rejects(read(store, digest), DamagedBlobError);
  assert.equal(await store.findBlob(digest), undefined);
  await put(store, "precious");
  assert.equal(await read(store, digest), "precious");
});

test("ImageStore: a blob whose file is lost counts as missing", async (context) => {
  const { store, directory } = await open(context);
  const digest = await put(store, "precious");
  rmSync(join(directory, "blobs/sha256", digest.slice(7)));
  assert.equal(await read(store, digest), undefined);
  assert.equal(await store.findBlob(digest), undefined);
});

test("ImageStore: paths and names that are none are refused", async (context) => {
  const { store } = await open(context);
  const bytes = imageOf("{}", []);
  await put(store, "{}");
  for (const repository of ["../x", "a/../b", "/a", "a|b", ""]) {
    await assert.rejects(store.putManifest({ repository, bytes, tags: [] }), /does not name/);
    await assert.rejects(store.openWriter({ repository }), /does not name/);
  }
  await assert.rejects(store.putManifest({ repository: "a", bytes, tags: ["../x"] }), /no tag/);
  assert.equal(await store.readBlob("sha256:../../../etc/passwd"), undefined);
  assert.equal(store.findManifest("../x", "../y"), undefined);
});

test("ImageStore: a manifest needs what it points to; tags point to it at once", async (context) => {
  const { store } = await open(context);
  const bytes = imageOf("{}", ["layer"]);
  const repository = "docker.io/library/app";
  await put(store, "{}");
  await assert.rejects(
    store.putManifest({ repository, bytes, tags: ["1"] }),
    (error) => error instanceof MissingContentError && error.digests.join() === digestOf("layer"),
  );
  assert.equal(store.findManifest(repository, "1"), undefined);
  await put(store, "layer");
  const { digest } = await store.putManifest({ repository, bytes, tags: ["1", "latest"] });
  assert.equal(digest, digestOf(bytes));
  assert.equal(store.findManifest(repository, "latest")?.digest, digest);
  assert.equal(store.findManifest("docker.io/library/other", digest), undefined);
  assert.deepEqual(await store.readManifest(digest), bytes);
  assert.deepEqual(
    store.listTags(repository, { limit: 1 }).map((it) => it.tag),
    ["1"],
  );
  assert.deepEqual(
    store.listTags(repository, { after: "1", limit: 9 }).map((it) => it.tag),
    ["latest"],
  );
  assert.ok(store.hasLink(repository, digestOf("layer")));
  assert.equal(await store.unlink(repository, digestOf("layer")), "used");
  assert.ok(await store.deleteManifest(repository, digest));
  assert.equal(store.findManifest(repository, "latest"), undefined);
  assert.deepEqual(store.listTags(repository, { limit: 9 }), []);
  assert.equal(await store.unlink(repository, digestOf("layer")), "unlinked");
});

test("ImageStore: referrers are found by their subject until they are deleted", async (context) => {
  const { store } = await open(context);
  await put(store, "{}");
  const subject = { mediaType: mediaTypes.manifest, digest: digestOf("subject"), size: 7 };
  const annotations = { key: "value" };
  const bytes = imageOf("{}", [], { subject, artifactType: "a/sbom", annotations });
  const { digest } = await store.putManifest({ repository: "app", bytes, tags: [] });
  assert.deepEqual(store.listReferrers("app", subject.digest), [
    {
      mediaType: mediaTypes.manifest,
      digest,
      size: bytes.length,
      artifactType: "a/sbom",
      annotations,
    },
  ]);
  assert.deepEqual(store.listReferrers("other", subject.digest), []);
  await store.deleteManifest("app", digest);
  assert.deepEqual(store.listReferrers("app", subject.digest), []);
});

test("ImageStore: an image is copied with all it needs, an index with its manifests", async (context) => {
  const { store, clock } = await open(context);
  const digest = await putImage(store, { repository: "from", tags: ["1"] }, ["layer"]);
  const manifests = [{ mediaType: mediaTypes.manifest, digest, size: 1 }];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
  await store.putManifest({ repository: "from", bytes, tags: ["all"] });
  const to = { repository: "docker.io/library/to", reference: "2" };
  assert.equal(await store.copyImage({ repository: "from", reference: "none" }, to), undefined);
  await store.copyImage({ repository: "from", reference: "all" }, to);
  await store.deleteManifest("from", digestOf(bytes));
  await store.deleteManifest("from", digest);
  await clock.advance(10 * dayMs);
  await store.collect({ untaggedMs: dayMs }, never);
  assert.equal(store.findManifest(to.repository, "2")?.digest, digestOf(bytes));
  assert.equal(store.findManifest(to.repository, digest)?.digest, digest);
  assert.equal(await read(store, digestOf("layer")), "layer");
  assert.deepEqual(store.listRepositories({ limit: 9 }), [to.repository]);
});

test("collect: what nothing points to goes after its time, and nothing else", async (context) => {
  const { store, clock, directory } = await open(context);
  await putImage(store, { repository: "app", tags: ["1"] }, ["kept"]);
  const lost = await put(store, "lost", "app");
  const leased = await put(store, "leased");
  const held = await put(store, "held");
  const lease = await store.openLease("build", 3 * graceMs);
  await lease.add([leased]);
  await store.hold("cache", [held]);
  assert.deepEqual(store.listHeld("cache"), [held]);
  assert.deepEqual((await store.collect({}, never)).blobs, 0);
  await clock.advance(graceMs + 1);
  const found = await put(store, "young");
  assert.deepEqual(await store.collect({}, never), { blobs: 1, manifests: 0, freedBytes: 4 });
  assert.equal(await store.findBlob(lost), undefined);
  assert.equal(store.hasLink("app", lost), false);
  for (const it of ["kept", "leased", "held", "young"]) {
    assert.equal(await read(store, digestOf(it)), it);
  }
  // The lease's process is gone: it ends by itself.
  await clock.advance(3 * graceMs);
  await store.release("cache", [held]);
  assert.equal((await store.collect({}, never)).blobs, 3);
  assert.equal(await store.findBlob(found), undefined);
  const left = readdirSync(join(directory, "blobs/sha256"));
  assert.equal(left.length, 3, "manifest, config, layer");
});

test("collect: a lasting lease holds as long as its work lasts", async (context) => {
  const { store, clock } = await open(context);
  const digest = await put(store, "layer");
  const lease = await openLastingLease(store, "build", clock);
  await lease.add([digest]);
  for (let hour = 0; hour < 5; hour++) {
    // Renewals are written beside the clock: each is waited for.
    for (let third = 0; third < 3; third++) {
      await clock.advance(graceMs / 3);
      await store.openLease("other", 1);
    }
    assert.equal((await store.collect({}, never)).blobs, 0);
  }
  await lease[Symbol.asyncDispose]();
  assert.equal((await store.collect({}, never)).blobs, 1);
});

test("collect: a blob that a push has found stays, though it is old", async (context) => {
  const { store, clock } = await open(context);
  const digest = await put(store, "layer");
  await clock.advance(2 * graceMs);
  assert.ok(await store.findBlob(digest));
  await store.collect({}, never);
  assert.equal(await read(store, digest), "layer");
  await clock.advance(2 * graceMs);
  assert.ok(await store.link("app", digest));
  await store.collect({}, never);
  assert.equal(await read(store, digest), "layer");
  await clock.advance(2 * graceMs);
  assert.equal((await store.collect({}, never)).blobs, 1);
});

test("collect: untagged manifests go when asked to, but not those of an index or of a subject", async (context) => {
  const { store, clock } = await open(context);
  const app = { repository: "app", tags: [] };
  const child = await putImage(store, app, ["child"]);
  const manifests = [{ mediaType: mediaTypes.manifest, digest: child, size: 1 }];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
  await store.putManifest({ ...app, bytes, tags: ["all"] });
  const subject = { mediaType: mediaTypes.manifest, digest: child, size: 1 };
  const signature = imageOf("{}", [], { subject });
  await store.putManifest({ ...app, bytes: signature });
  const dangling = await putImage(store, app, ["dangling"]);
  await clock.advance(2 * dayMs);
  assert.equal((await store.collect({}, never)).manifests, 0);
  assert.equal((await store.collect({ untaggedMs: dayMs }, never)).manifests, 1);
  assert.equal(store.findManifest("app", dangling), undefined);
  await store.deleteTag("app", "all");
  // The index, then its child, then what refers to the child.
  assert.equal((await store.collect({ untaggedMs: dayMs }, never)).manifests, 3);
});

test("collect: files that a crash left are taken away", async (context) => {
  const { store, clock, directory } = await open(context);
  writeFileSync(join(directory, "blobs/sha256", "a".repeat(64)), "no record");
  writeFileSync(join(directory, "ingest", "left"), "half");
  await clock.advance(100 * 365 * dayMs);
  assert.deepEqual(await store.collect({}, never), { blobs: 0, manifests: 0, freedBytes: 9 });
  assert.deepEqual(readdirSync(join(directory, "ingest")), []);
});

test("ImageStore: two processes' worth of stores see each other's changes", async (context) => {
  const { store, clock, directory } = await open(context);
  await using other = await openImageStore(directory, { clock, log: silentLogger });
  const digest = await putImage(store, { repository: "app", tags: ["1"] }, ["layer"]);
  assert.equal(other.findManifest("app", "1")?.digest, digest);
  await other.deleteTag("app", "1");
  assert.equal(store.findManifest("app", "1"), undefined);
});

test("collect: whatever the order, all that a tag leads to stays readable", async (context) => {
  const { store, clock } = await open(context);
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), tag: fc.nat(2), layers: fc.array(fc.nat(5)) }),
    fc.record({ kind: fc.constant("untag" as const), tag: fc.nat(2) }),
    fc.record({ kind: fc.constant("wait" as const), hours: fc.nat(3) }),
    fc.record({ kind: fc.constant("collect" as const) }),
  );
  const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
    for (const it of steps) {
      if (it.kind === "wait") await clock.advance(it.hours * 3_600_000);
      else if (it.kind === "collect") await store.collect({ untaggedMs: graceMs }, never);
      else if (it.kind === "untag") await store.deleteTag("app", `t${it.tag}`);
      else {
        const layers = it.layers.map((n) => `layer ${n}`);
        await putImage(store, { repository: "app", tags: [`t${it.tag}`] }, layers);
      }
    }
    for (const { digest } of store.listTags("app", { limit: 9 })) {
      const manifest = JSON.parse((await store.readManifest(digest)).toString()) as {
        layers: { digest: string }[];
      };
      for (const layer of manifest.layers) {
        assert.equal(digestOf((await read(store, layer.digest)) ?? ""), layer.digest);
      }
    }
  });
  await fc.assert(property, { numRuns: 8 });
});
