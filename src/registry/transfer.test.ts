// The client's half and the server's half of the distribution API, with each other.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { RemoteRegistry } from "#images/client/remote.ts";
import { pullImage, pushImage, type TransferStep } from "#images/client/transfer.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import { openImageStore } from "#images/store/open.ts";
import { removeImage, tagImage } from "#images/verbs/change.ts";
import { findImage, type ImageWorld } from "#images/verbs/find-image.ts";
import { inspectImages } from "#images/verbs/inspect.ts";
import { showHistory } from "#images/verbs/history.ts";
import { listImages, type ListOptions } from "#images/verbs/list.ts";
import { mediaTypes } from "#oci/media-types.ts";
import { parseReference } from "#oci/reference.ts";
import { CredentialGate } from "./auth/gate.ts";
import { hashPassword } from "./auth/password.ts";
import { UsersFile } from "./auth/users-file.ts";
import { openRegistryServer } from "./server.ts";

const never = new AbortController().signal;
const ann = { username: "ann", password: "secret" };
const platform = { os: "linux", architecture: "amd64" };
const now = Date.parse("2026-01-15T00:00:00Z");

function sha(text: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

interface Fixture {
  readonly here: ImageStore;
  readonly there: ImageStore;
  readonly thereDirectory: string;
  readonly domain: string;
  readonly remote: (credentials?: typeof ann) => RemoteRegistry;
}

async function open(context: TestContext, scheme: "basic" | "token" = "token"): Promise<Fixture> {
  const stack = new AsyncDisposableStack();
  context.after(async () => {
    await stack.disposeAsync();
  });
  const directory = mkdtempSync(join(tmpdir(), "gantry-transfer-"));
  stack.defer(() => {
    rmSync(directory, { recursive: true });
  });
  const world = { clock: systemClock, log: silentLogger };
  const here = stack.use(await openImageStore(join(directory, "here"), world));
  const thereDirectory = join(directory, "there");
  const there = stack.use(await openImageStore(thereDirectory, world));
  const users = join(directory, "users");
  writeFileSync(users, `ann:${await hashPassword("secret")}\n`);
  const gate = new CredentialGate({
    scheme,
    users: new UsersFile(users),
    anonymousPull: scheme === "token",
    organizations: {},
    clock: systemClock,
  });
  const server = stack.use(
    await openRegistryServer({
      store: there,
      listeners: [{ host: "127.0.0.1", port: 0, gate, tls: undefined }],
      mirror: undefined,
      isOwnName: () => false,
      ...world,
    }),
  );
  const domain = `127.0.0.1:${server.ports[0] ?? 0}`;
  const remote = (credentials?: typeof ann): RemoteRegistry =>
    stack.use(new RemoteRegistry({ domain, credentials, ca: undefined, isInsecure: false }));
  return { here, there, thereDirectory, domain, remote };
}

async function putBlob(store: ImageStore, text: string): Promise<object> {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(text));
  }
  const { digest, sizeBytes: size } = await store.writeBlob(content(), {}, never);
  return { digest, size };
}

async function putImage(
  store: ImageStore,
  repository: string,
  it: { readonly tags: readonly string[]; readonly architecture: string },
): Promise<{ readonly digest: string; readonly size: number }> {
  const config = JSON.stringify({
    ...platform,
    architecture: it.architecture,
    created: "2026-01-01T00:00:00Z",
    config: { Cmd: ["sh"], Labels: { team: "a" } },
    rootfs: { type: "layers", diff_ids: [sha("layer")] },
    history: [
      { created: "2026-01-01T00:00:00Z", created_by: "COPY . /" },
      { created: "2026-01-01T00:00:00Z", created_by: "CMD sh", empty_layer: true },
    ],
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...(await putBlob(store, config)) },
    layers: [{ mediaType: mediaTypes.layer, ...(await putBlob(store, "layer")) }],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const { digest } = await store.putManifest({ repository, bytes, tags: it.tags });
  return { digest, size: bytes.length };
}

async function putIndex(store: ImageStore, repository: string, tag: string): Promise<string> {
  const manifests = [];
  for (const architecture of ["amd64", "arm64"]) {
    const image = await putImage(store, repository, { tags: [], architecture });
    const descriptor = { mediaType: mediaTypes.manifest, ...image };
    manifests.push({ ...descriptor, platform: { os: "linux", architecture } });
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  const bytes = Buffer.from(JSON.stringify(index));
  return (await store.putManifest({ repository, bytes, tags: [tag] })).digest;
}

async function push(
  { here, remote }: Fixture,
  repository: string,
  credentials: typeof ann | undefined,
): Promise<TransferStep[]> {
  const image = here.findManifest(repository, "1");
  assert.ok(image);
  const steps: TransferStep[] = [];
  const onStep = (step: TransferStep): void => void steps.push(step);
  const to = { remote: remote(credentials), path: "team/app", reference: "1", image };
  await pushImage(here, to, { platform: undefined, onStep }, never);
  return steps;
}

for (const scheme of ["token", "basic"] as const) {
  test(`push and pull: what was sent comes back, with ${scheme} authentication`, async (context) => {
    const fixture = await open(context, scheme);
    const { here, there, domain, remote } = fixture;
    const repository = `${domain}/team/app`;
    const index = await putIndex(here, repository, "1");
    await assert.rejects(push(fixture, repository, undefined), /401/);
    await assert.rejects(push(fixture, repository, { ...ann, password: "x" }), /401/);
    await push(fixture, repository, ann);
    assert.equal(there.findManifest("team/app", "1")?.digest, index);
    const again = await push(fixture, repository, ann);
    assert.ok(again.every((it) => it.state === "present"));
    await here.deleteManifest(repository, index);
    const credentials = scheme === "basic" ? ann : undefined;
    const from = { remote: remote(credentials), reference: parseReference(`${domain}/team/app:1`) };
    const options = { platform, onStep: () => undefined };
    const pulled = await pullImage(here, from, options, never);
    assert.equal(pulled.digest, index);
    const none = { ...from, reference: parseReference(`${domain}/team/app:none`) };
    await assert.rejects(pullImage(here, none, options, never), /not found/);
    const riscv = { ...options, platform: { os: "linux", architecture: "riscv64" } };
    await assert.rejects(pullImage(here, from, riscv, never), /no matching manifest/);
  });
}

test("pull: of an index only this platform's image comes, and that goes on as itself", async (context) => {
  const fixture = await open(context);
  const { here, there, domain, remote } = fixture;
  await putIndex(there, "team/app", "1");
  const reference = parseReference(`${domain}/team/app:1`);
  const options = { platform, onStep: () => undefined };
  await pullImage(here, { remote: remote(), reference }, options, never);
  const repository = `${domain}/team/app`;
  assert.equal(here.listManifests(repository).length, 2);
  const image = here.findManifest(repository, "1");
  assert.ok(image);
  const to = { remote: remote(ann), path: "team/other", reference: "2", image };
  await pushImage(here, to, { platform: undefined, onStep: () => undefined }, never);
  assert.equal(there.findManifest("team/other", "2")?.mediaType, mediaTypes.manifest);
});

test("pull: content that is damaged at the registry is not kept", async (context) => {
  const { here, there, thereDirectory, domain, remote } = await open(context);
  await putImage(there, "team/app", { tags: ["1"], architecture: "amd64" });
  const blobs = join(thereDirectory, "blobs/sha256");
  assert.ok(readdirSync(blobs).length > 0);
  writeFileSync(join(blobs, sha("layer").slice(7)), "Layer");
  const reference = parseReference(`${domain}/team/app:1`);
  const options = { platform, onStep: () => undefined };
  await assert.rejects(pullImage(here, { remote: remote(), reference }, options, never));
  assert.equal(await here.findBlob(sha("layer")), undefined);
  assert.equal(here.findManifest(`${domain}/team/app`, "1"), undefined);
});

async function world(context: TestContext): Promise<ImageWorld> {
  const { here } = await open(context);
  await putImage(here, "docker.io/library/app", { tags: ["1"], architecture: "amd64" });
  await putImage(here, "team/own", { tags: ["1"], architecture: "arm64" });
  return {
    store: here,
    platform,
    ownName: "localhost:5000",
    isOwnName: (host) => host === "localhost:5000",
  };
}

test("images: names as people write them, our registry's under its address", async (context) => {
  const images = await world(context);
  const all = {
    name: undefined,
    all: false,
    quiet: false,
    digests: false,
    noTrunc: false,
    filter: [],
  };
  const lines = (await listImages(images, all, now)).split("\n");
  assert.match(lines[0] ?? "", /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$/);
  assert.match(lines[1] ?? "", /^app +1 +[0-9a-f]{12} +2 weeks ago +\d+B$/);
  assert.match(lines[2] ?? "", /^localhost:5000\/team\/own +1 +[0-9a-f]{12} /);
  const quiet = await listImages(images, { ...all, name: "app", quiet: true }, now);
  assert.match(quiet, /^[0-9a-f]{12}\n$/);
  assert.equal(await listImages(images, { ...all, name: "app:2", quiet: true }, now), "");
});

const chosen: [options: Partial<ListOptions>, want: string][] = [
  [{}, "<none>:<none> app:1 localhost:5000/team/own:1"],
  [{ name: "docker.io/library/app" }, "app:1"],
  [{ name: "a*" }, "app:1"],
  [{ filter: ["reference=*/*/own:1"] }, "localhost:5000/team/own:1"],
  [{ filter: ["reference=app:2"] }, ""],
  [{ filter: ["dangling=true"] }, "<none>:<none>"],
  [{ filter: ["dangling=0", "reference=app"] }, "app:1"],
  [{ filter: ["until=24h", "reference=app"] }, "app:1"],
  [{ filter: ["until=2000-01-01"] }, ""],
  [{ filter: ["before=app:1"] }, ""],
  [{ filter: ["since=app:1"] }, ""],
  [{ filter: ["label=nothing"] }, ""],
  [{ filter: ["label=team=a", "reference=app"] }, "app:1"],
];

test("images: filters and forms", async (context) => {
  const images = await world(context);
  await putImage(images.store, "none", { tags: [], architecture: "arm64" });
  const plain = { name: undefined, all: false, quiet: false, digests: false, noTrunc: true };
  const format = "{{.Repository}}:{{.Tag}}";
  for (const [options, want] of chosen) {
    const text = await listImages(images, { ...plain, filter: [], format, ...options }, now);
    assert.equal(text.trim().split("\n").toSorted().join(" "), want, JSON.stringify(options));
  }
  const wrong = { ...plain, filter: ["color=red"] };
  await assert.rejects(listImages(images, wrong, now), /invalid filter 'color=red'/);
  const missing = { ...plain, filter: ["since=nope"] };
  await assert.rejects(listImages(images, missing, now), /No such image: nope/);
  const table = await listImages(images, { ...plain, filter: [], name: "app", digests: true }, now);
  assert.match(table, /^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE\napp +1 +sha256:\w{64} /);
  const json = await listImages(images, { ...plain, filter: [], name: "app", format: "json" }, now);
  assert.equal((JSON.parse(json) as { Tag: string }).Tag, "1");
});

test("tag, inspect, history and rmi: by name and by id", async (context) => {
  const images = await world(context);
  await tagImage(images, "app:1", "localhost:5000/team/copy:2");
  assert.ok(images.store.findManifest("team/copy", "2"));
  await assert.rejects(tagImage(images, "none", "x"), /No such image: none:latest/);
  const [described] = (await inspectImages(images, ["app:1"])) as {
    Id: string;
    RepoTags: string[];
  }[];
  assert.deepEqual(described?.RepoTags, ["app:1", "localhost:5000/team/copy:2"]);
  const id = described.Id.slice(7, 19);
  assert.equal((await findImage(images, id)).repository, "docker.io/library/app");
  const history = await showHistory(images, id, { noTrunc: false, quiet: false, human: true, now });
  assert.match(history, /CMD sh +0B/);
  assert.match(history, /<missing> +2 weeks ago +COPY \. \/ +5B/);
  const format = "{{.Size}} {{.CreatedAt}}";
  const numbers = { noTrunc: true, quiet: false, human: false, format, now };
  assert.match(await showHistory(images, id, numbers), /^5 \d{4}-/m);
  const lines = async (text: string, force: boolean): Promise<string[]> => {
    const said: string[] = [];
    for await (const line of removeImage(images, text, force)) said.push(line);
    return said;
  };
  await assert.rejects(lines(id, false), /must be forced/);
  assert.deepEqual(await lines("app:1", false), ["Untagged: app:1"]);
  const gone = await lines(id, true);
  assert.equal(gone[0], "Untagged: localhost:5000/team/copy:2");
  assert.equal(gone.at(-2), `Deleted: ${described.Id}`);
  await assert.rejects(findImage(images, id), /No such image/);
  assert.deepEqual(images.store.listManifests("docker.io/library/app"), []);
});
