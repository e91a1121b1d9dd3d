import assert from "node:assert/strict";
import http2 from "node:http2";
import https from "node:https";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { WebSocket } from "ws";
import { systemClock } from "#base/clock.ts";
import type { JsonObject } from "#api/object.ts";
import { decodeObject } from "#api/protobuf/decode.ts";
import { encodeObject } from "#api/protobuf/encode.ts";
import { builtinResources } from "#api/kinds/list.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { typeNamesOf } from "#apiserver/type-names.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { openTestApi, type TestApi } from "#testing/test-api.ts";
import { openTestFront, type TestFront } from "#testing/test-front.ts";

// The API over real TLS and HTTP/2, on a store in memory; everybody may do everything.

let api: TestApi;
let front: TestFront;
let session: http2.ClientHttp2Session;
let certificates: Awaited<ReturnType<typeof loopbackCertificates>>;

before(async () => {
  certificates = await loopbackCertificates();
  api = await openTestApi(systemClock);
  front = await openTestFront(api.api, certificates);
  session = http2.connect(`https://127.0.0.1:${front.port}`, {
    ca: certificates.authority.certificate,
    cert: certificates.client.certificate,
    key: certificates.client.key,
  });
});

after(async () => {
  session.close();
  await front[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly body: JsonObject;
}

interface Sending {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Record<string, string>;
}

async function send(method: string, path: string, it: Sending = {}): Promise<Answer> {
  const stream = session.request(
    {
      ":method": method,
      ":path": path,
      ...(it.body === undefined ? {} : { "content-type": it.type ?? "application/json" }),
      ...it.headers,
    },
    { endStream: it.body === undefined },
  );
  const { body } = it;
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  if (body !== undefined) stream.end(isRaw ? body : JSON.stringify(body));
  let headers: http2.IncomingHttpHeaders = {};
  stream.on("response", (them) => {
    headers = them;
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const isJson = headers["content-type"]?.startsWith("application/json") === true;
  const plain = isJson && headers["content-encoding"] === undefined && bytes.length > 0;
  const parsed = plain ? (JSON.parse(bytes.toString()) as JsonObject) : {};
  return { status: Number(headers[":status"] ?? 0), headers, bytes, body: parsed };
}

/** A watch, read event by event. */
class Watch implements AsyncDisposable {
  readonly #stream: http2.ClientHttp2Stream;
  readonly #lines: AsyncGenerator<JsonObject, void>;

  constructor(path: string) {
    this.#stream = session.request({ ":path": path });
    this.#lines = this.#read();
  }

  async next(): Promise<JsonObject | undefined> {
    const next = await this.#lines.next();
    return next.done === true ? undefined : next.value;
  }

  /** `TYPE name` of the next events. */
  async take(count: number): Promise<string[]> {
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const event = await this.next();
      assert.ok(event, "the watch ended early");
      texts.push(`${textOf(event["type"])} ${nameOf(event["object"] as JsonObject)}`);
    }
    return texts;
  }

  async *#read(): AsyncGenerator<JsonObject, void> {
    let rest = "";
    for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as JsonObject;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
    await this.#lines.return();
  }
}

function metadataOf(object: JsonObject): Record<string, string> {
  return object["metadata"] as Record<string, string>;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function nameOf(object: JsonObject): string {
  return metadataOf(object)["name"] ?? "";
}

function revisionOf(object: JsonObject): string {
  return metadataOf(object)["resourceVersion"] ?? "";
}

function itemsOf(list: JsonObject): JsonObject[] {
  return list["items"] as JsonObject[];
}

function configMap(name: string, it: JsonObject = {}): JsonObject {
  return { kind: "ConfigMap", apiVersion: "v1", metadata: { name, ...it }, data: { a: "1" } };
}

let namespaces = 0;

/** A namespace of its own for each test. */
async function newNamespace(): Promise<string> {
  const name = `t${++namespaces}`;
  const created = await send("POST", "/api/v1/namespaces", { body: { metadata: { name } } });
  assert.equal(created.status, 201);
  return name;
}

async function configMapsPath(): Promise<string> {
  return `/api/v1/namespaces/${await newNamespace()}/configmaps`;
}

function pod(name: string, it: JsonObject = {}): JsonObject {
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name, ...it },
    spec: { containers: [{ name: "c", image: "busybox" }] },
  };
}

test("create, get, update, delete: revisions grow, and the object is what was sent", async () => {
  const path = await configMapsPath();
  const created = await send("POST", path, { body: configMap("a") });
  assert.equal(created.status, 201);
  assert.match(metadataOf(created.body)["uid"] ?? "", /^[0-9a-f-]{36}$/);
  const got = await send("GET", `${path}/a`);
  assert.deepEqual(got.body, created.body);
  const next = { ...created.body, data: { a: "2" } };
  const updated = await send("PUT", `${path}/a`, { body: next });
  assert.equal(updated.status, 200);
  assert.ok(Number(revisionOf(updated.body)) > Number(revisionOf(created.body)));
  const same = await send("PUT", `${path}/a`, { body: updated.body });
  assert.equal(revisionOf(same.body), revisionOf(updated.body));
  const gone = await send("DELETE", `${path}/a`);
  assert.equal(gone.body["status"], "Success");
  assert.equal((await send("GET", `${path}/a`)).status, 404);
});

test("conflict: a stale resourceVersion is a 409 with upstream's message", async () => {
  const path = await configMapsPath();
  const { body } = await send("POST", path, { body: configMap("a") });
  await send("PUT", `${path}/a`, { body: { ...body, data: { a: "2" } } });
  const stale = await send("PUT", `${path}/a`, { body: { ...body, data: { a: "3" } } });
  assert.equal(stale.status, 409);
  assert.equal(stale.body["reason"], "Conflict");
  assert.match(textOf(stale.body["message"]), /the object has been modified; please apply/);
  assert.equal((await send("POST", path, { body: configMap("a") })).status, 409);
});

test("generateName: names are made, and clashes are met with another name", async () => {
  const path = await configMapsPath();
  const body = { metadata: { generateName: "x-" } };
  const answers = await Promise.all(Array.from({ length: 50 }, () => send("POST", path, { body })));
  assert.deepEqual([...new Set(answers.map((it) => it.status))], [201]);
  assert.equal(new Set(answers.map((it) => nameOf(it.body))).size, 50);
});

test("list: limit and continue show one state, whatever is written meanwhile", async () => {
  const path = await configMapsPath();
  for (let i = 0; i < 10; i++) await send("POST", path, { body: configMap(`c${i}`) });
  const first = await send("GET", `${path}?limit=4`);
  const { continue: token, remainingItemCount } = metadataOf(first.body);
  assert.equal(remainingItemCount, 6);
  await send("DELETE", `${path}/c7`);
  await send("POST", path, { body: configMap("c55") });
  const names = itemsOf(first.body).map(nameOf);
  let next = token;
  while (next !== undefined) {
    const page = await send("GET", `${path}?limit=4&continue=${next}`);
    assert.equal(revisionOf(page.body), revisionOf(first.body));
    names.push(...itemsOf(page.body).map(nameOf));
    next = metadataOf(page.body)["continue"];
  }
  assert.deepEqual(
    names,
    Array.from({ length: 10 }, (_, i) => `c${i}`),
  );
  const exact = await send(
    "GET",
    `${path}?resourceVersion=${revisionOf(first.body)}&resourceVersionMatch=Exact`,
  );
  assert.equal(itemsOf(exact.body).length, 10);
  assert.equal(itemsOf((await send("GET", path)).body).length, 10);
});

test("list: what goes together, what is too new, and what is no token", async () => {
  const path = await configMapsPath();
  assert.equal((await send("GET", `${path}?resourceVersionMatch=Exact`)).status, 422);
  assert.equal((await send("GET", `${path}?continue=xyz`)).status, 400);
  assert.equal((await send("GET", `${path}?resourceVersion=abc`)).status, 400);
  const future = await send("GET", `${path}?resourceVersion=99999999`);
  assert.equal(future.status, 504);
  assert.match(JSON.stringify(future.body["details"]), /ResourceVersionTooLarge/);
});

test("selectors: labels, fields, and fields that cannot select", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await send("POST", path, { body: pod("a", { labels: { app: "x", tier: "1" } }) });
  await send("POST", path, { body: pod("b", { labels: { app: "x" } }) });
  await send("POST", path, { body: pod("c", { labels: { app: "y" } }) });
  const cases: [query: string, want: string][] = [
    ["labelSelector=app%3Dx", "a b"],
    ["labelSelector=app%20in%20(x,y),!tier", "b c"],
    ["labelSelector=tier", "a"],
    ["labelSelector=app!%3Dx", "c"],
    ["fieldSelector=metadata.name%3Dc", "c"],
    ["fieldSelector=status.phase%3DPending,metadata.name!%3Da", "b c"],
    ["fieldSelector=spec.nodeName%3D", "a b c"],
  ];
  for (const [query, want] of cases) {
    const list = await send("GET", `${path}?${query}`);
    assert.equal(itemsOf(list.body).map(nameOf).join(" "), want, query);
  }
  assert.equal((await send("GET", `${path}?fieldSelector=spec.foo%3D1`)).status, 400);
  assert.equal((await send("GET", `${path}?labelSelector=a%20in`)).status, 400);
});

test("watch: from a revision every change once and in order; the selection is followed", async () => {
  const path = await configMapsPath();
  const created = await send("POST", path, { body: configMap("a", { labels: { on: "1" } }) });
  const from = revisionOf(created.body);
  await using all = new Watch(`${path}?watch=true&resourceVersion=${from}`);
  await using some = new Watch(`${path}?watch=1&resourceVersion=${from}&labelSelector=on%3D1`);
  const off = await send("PATCH", `${path}/a`, {
    body: { metadata: { labels: { on: "2" } } },
    type: "application/merge-patch+json",
  });
  await send("POST", path, { body: configMap("b") });
  await send("PATCH", `${path}/a`, {
    body: { metadata: { labels: { on: "1" } } },
    type: "application/merge-patch+json",
  });
  await send("DELETE", `${path}/a`);
  assert.deepEqual(await all.take(4), ["MODIFIED a", "ADDED b", "MODIFIED a", "DELETED a"]);
  const left = await some.next();
  assert.equal(left?.["type"], "DELETED");
  const object = left["object"] as JsonObject;
  // As it was when it was still selected, at the revision at which it left.
  assert.equal((metadataOf(object)["labels"] as unknown as JsonObject)["on"], "1");
  assert.equal(revisionOf(object), revisionOf(off.body));
  assert.deepEqual(await some.take(2), ["ADDED a", "DELETED a"]);
});

test("watch: initial events, their bookmark, and the end after timeoutSeconds", async () => {
  const path = await configMapsPath();
  await send("POST", path, { body: configMap("a") });
  await send("POST", path, { body: configMap("b") });
  const query =
    "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1";
  await using watch = new Watch(`${path}?${query}`);
  assert.deepEqual(await watch.take(2), ["ADDED a", "ADDED b"]);
  const bookmark = await watch.next();
  assert.equal(bookmark?.["type"], "BOOKMARK");
  const annotations = metadataOf(bookmark["object"] as JsonObject)["annotations"] as unknown;
  assert.deepEqual(annotations, { "k8s.io/initial-events-end": "true" });
  await send("POST", path, { body: configMap("c") });
  assert.deepEqual(await watch.take(1), ["ADDED c"]);
  // Its last word is where it has come to, then it ends by itself.
  const last = await watch.next();
  assert.equal(last?.["type"], "BOOKMARK");
  assert.equal(await watch.next(), undefined);
  await using unset = new Watch(`${path}?watch=true`);
  assert.deepEqual(await unset.take(3), ["ADDED a", "ADDED b", "ADDED c"]);
  const refused = await send("GET", `${path}?watch=true&sendInitialEvents=true`);
  assert.equal(refused.status, 422);
});

test("watch: a revision that is too old is an ERROR event with 410", async () => {
  const path = await configMapsPath();
  await send("POST", path, { body: configMap("a") });
  api.api.cache.forget(api.api.cache.revision);
  await using watch = new Watch(`${path}?watch=true&resourceVersion=1`);
  const event = await watch.next();
  assert.equal(event?.["type"], "ERROR");
  const status = event["object"] as JsonObject;
  assert.deepEqual([status["code"], status["reason"]], [410, "Expired"]);
  assert.equal(await watch.next(), undefined);
});

test("continue: a state that was forgotten is a 410 with a token to go on", async () => {
  const path = await configMapsPath();
  for (let i = 0; i < 6; i++) await send("POST", path, { body: configMap(`c${i}`) });
  const first = await send("GET", `${path}?limit=2`);
  await send("DELETE", `${path}/c3`);
  api.api.cache.forget(api.api.cache.revision);
  const token = metadataOf(first.body)["continue"] ?? "";
  const gone = await send("GET", `${path}?limit=2&continue=${token}`);
  assert.equal(gone.status, 410);
  assert.equal(gone.body["reason"], "Expired");
  const again = metadataOf(gone.body)["continue"] ?? "";
  const rest = await send("GET", `${path}?continue=${again}`);
  assert.deepEqual(itemsOf(rest.body).map(nameOf), ["c2", "c4", "c5"]);
});

test("patch: four types, and faults of each", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/pods/p`;
  await send("POST", path.slice(0, -2), { body: pod("p") });
  const image = (answer: Answer): unknown => {
    const spec = answer.body["spec"] as { containers: { image: string }[] };
    return spec.containers.map((it) => it.image).join(" ");
  };
  const strategic = await send("PATCH", path, {
    body: { spec: { containers: [{ name: "c", image: "b" }] } },
    type: "application/strategic-merge-patch+json",
  });
  assert.equal(image(strategic), "b");
  const json = await send("PATCH", path, {
    body: [
      { op: "test", path: "/spec/containers/0/image", value: "b" },
      { op: "replace", path: "/spec/containers/0/image", value: "c" },
    ],
    type: "application/json-patch+json",
  });
  assert.equal(image(json), "c");
  const failed = await send("PATCH", path, {
    body: [{ op: "test", path: "/spec/containers/0/image", value: "x" }],
    type: "application/json-patch+json",
  });
  assert.equal(failed.status, 422);
  const merge = await send("PATCH", path, {
    body: { metadata: { labels: { a: "b" } } },
    type: "application/merge-patch+json",
  });
  assert.deepEqual(metadataOf(merge.body)["labels"], { a: "b" });
  const unknown = await send("PATCH", path, { body: {}, type: "application/foo" });
  assert.equal(unknown.status, 415);
});

test("server-side apply: creates, owns, and tells conflicts by field", async () => {
  const path = await configMapsPath();
  const type = "application/apply-patch+yaml";
  const yaml = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: "${value}"\n`;
  const created = await send("PATCH", `${path}/a?fieldManager=one`, { body: yaml("1"), type });
  assert.equal(created.status, 201);
  const same = await send("PATCH", `${path}/a?fieldManager=one`, { body: yaml("1"), type });
  assert.equal(revisionOf(same.body), revisionOf(created.body));
  const contested = await send("PATCH", `${path}/a?fieldManager=two`, { body: yaml("2"), type });
  assert.equal(contested.status, 409);
  const { causes } = contested.body["details"] as { causes: { field: string }[] };
  assert.deepEqual(
    causes.map((it) => it.field),
    [".data.k"],
  );
  const forced = await send("PATCH", `${path}/a?fieldManager=two&force=true`, {
    body: yaml("2"),
    type,
  });
  assert.deepEqual(forced.body["data"], { k: "2" });
  assert.equal((await send("PATCH", `${path}/a`, { body: yaml("1"), type })).status, 422);
});

test("status and scale: each changes its own part", async () => {
  const namespace = await newNamespace();
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const labels = { app: "x" };
  const spec = {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "b" }] } },
  };
  const created = await send("POST", path, { body: { metadata: { name: "d" }, spec } });
  assert.equal(created.status, 201);
  const status = await send("PUT", `${path}/d/status`, {
    body: { ...created.body, spec: { ...spec, replicas: 9 }, status: { replicas: 4 } },
  });
  assert.deepEqual((status.body["spec"] as JsonObject)["replicas"], 1);
  assert.deepEqual((status.body["status"] as JsonObject)["replicas"], 4);
  const scale = await send("GET", `${path}/d/scale`);
  assert.deepEqual(scale.body["status"], { replicas: 4, selector: "app=x" });
  const scaled = await send("PATCH", `${path}/d/scale`, {
    body: { spec: { replicas: 5 } },
    type: "application/merge-patch+json",
  });
  assert.deepEqual(scaled.body["spec"], { replicas: 5 });
  const main = await send("GET", `${path}/d`);
  assert.equal((main.body["spec"] as JsonObject)["replicas"], 5);
  assert.equal((main.body["status"] as JsonObject)["replicas"], 4);
});

test("a list that a strategic merge patch has emptied is not there any more", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  await send("POST", path, { body: { metadata: { name: "a", finalizers: ["example.com/x"] } } });
  const metadata = { "$deleteFromPrimitiveList/finalizers": ["example.com/x"] };
  const type = "application/strategic-merge-patch+json";
  const patched = await send("PATCH", `${path}/a`, { body: { metadata }, type });
  assert.equal(patched.status, 200, JSON.stringify(patched.body));
  assert.ok(!("finalizers" in (patched.body["metadata"] as JsonObject)));
});

test("scale: applied by a manager, who then owns the replicas by it", async () => {
  const namespace = await newNamespace();
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const labels = { app: "x" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "b" }] } };
  const spec = { selector: { matchLabels: labels }, template };
  await send("POST", path, { body: { metadata: { name: "d" }, spec } });
  const type = "application/apply-patch+yaml";
  const scale = (replicas: number, apiVersion = "autoscaling/v1"): JsonObject => {
    return { apiVersion, kind: "Scale", metadata: { name: "d", namespace }, spec: { replicas } };
  };
  const apply = (manager: string, body: JsonObject): ReturnType<typeof send> =>
    send("PATCH", `${path}/d/scale?fieldManager=${manager}`, { body, type });
  const forced = await apply("one&force=true", scale(7));
  assert.equal(forced.status, 200, JSON.stringify(forced.body));
  assert.equal(forced.body["kind"], "Scale");
  assert.deepEqual(forced.body["spec"], { replicas: 7 });
  const main = await send("GET", `${path}/d`);
  assert.equal((main.body["spec"] as JsonObject)["replicas"], 7);
  const { managedFields } = main.body["metadata"] as { managedFields: JsonObject[] };
  const entry = managedFields.find((it) => it["manager"] === "one");
  assert.deepEqual(entry, {
    time: entry?.["time"],
    manager: "one",
    operation: "Apply",
    apiVersion: "apps/v1",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:spec": { "f:replicas": {} } },
    subresource: "scale",
  });
  const contested = await apply("two", scale(3));
  assert.equal(contested.status, 409);
  assert.match(JSON.stringify(contested.body), /conflict with \\"one.*\.spec\.replicas/s);
  assert.equal((await apply("one", scale(7))).status, 200);
  assert.equal((await apply("one", scale(-1))).status, 422);
  assert.equal((await apply("one", scale(1, "autoscaling/v2"))).status, 400);
  const missing = { body: scale(1), type };
  assert.equal((await send("PATCH", `${path}/e/scale?fieldManager=one`, missing)).status, 404);
});

test("binding: sets the node and its condition together, once", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await send("POST", path, { body: pod("p") });
  const body = { metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
  assert.equal((await send("POST", `${path}/p/binding`, { body })).status, 201);
  const bound = await send("GET", `${path}/p`);
  assert.equal((bound.body["spec"] as JsonObject)["nodeName"], "n1");
  const { conditions } = bound.body["status"] as { conditions: JsonObject[] };
  assert.deepEqual([conditions[0]?.["type"], conditions[0]?.["status"]], ["PodScheduled", "True"]);
  assert.equal((await send("POST", `${path}/p/binding`, { body })).status, 409);
  const onNode = await send("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
  assert.deepEqual(itemsOf(onNode.body).map(nameOf), ["p"]);
});

test("deletion: grace for bound pods, finalizers, preconditions, a collection", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const created = await send("POST", path, { body: pod("p") });
  const target = { kind: "Node", name: "n1" };
  await send("POST", `${path}/p/binding`, { body: { metadata: { name: "p" }, target } });
  const wrong = { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } };
  assert.equal((await send("DELETE", `${path}/p`, { body: wrong })).status, 409);
  const begun = await send("DELETE", `${path}/p`);
  assert.equal(metadataOf(begun.body)["deletionGracePeriodSeconds"], 30);
  assert.equal((await send("GET", `${path}/p`)).status, 200);
  const now = { gracePeriodSeconds: 0, preconditions: { uid: metadataOf(created.body)["uid"] } };
  assert.equal((await send("DELETE", `${path}/p`, { body: now })).status, 200);
  assert.equal((await send("GET", `${path}/p`)).status, 404);

  const maps = `/api/v1/namespaces/${namespace}/configmaps`;
  await send("POST", maps, { body: configMap("f", { finalizers: ["example.com/hold"] }) });
  await send("POST", maps, { body: configMap("g") });
  assert.equal((await send("DELETE", maps)).status, 200);
  const held = await send("GET", maps);
  assert.deepEqual(itemsOf(held.body).map(nameOf), ["f"]);
  await send("PATCH", `${maps}/f`, {
    body: { metadata: { finalizers: null } },
    type: "application/merge-patch+json",
  });
  assert.equal((await send("GET", `${maps}/f`)).status, 404);
});

test("dryRun: the whole way without the write", async () => {
  const path = await configMapsPath();
  const made = await send("POST", `${path}?dryRun=All`, { body: configMap("a") });
  assert.equal(made.status, 201);
  assert.equal((await send("GET", `${path}/a`)).status, 404);
  await send("POST", path, { body: configMap("a") });
  const again = await send("POST", `${path}?dryRun=All`, { body: configMap("a") });
  assert.equal(again.status, 409);
  await send("DELETE", `${path}/a?dryRun=All`);
  assert.equal((await send("GET", `${path}/a`)).status, 200);
  assert.equal((await send("POST", `${path}?dryRun=some`, { body: configMap("b") })).status, 422);
});

test("representations: tables, metadata, protobuf both ways, YAML, and what cannot be", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const names = typeNamesOf(builtinResources, builtinTypes);
  const protobuf = "application/vnd.kubernetes.protobuf";
  const type = "io.k8s.api.core.v1.Pod";
  const sent = encodeObject(pod("p", { labels: { a: "b" } }), type, builtinTypes);
  const created = await send("POST", path, {
    body: sent,
    type: protobuf,
    headers: { accept: protobuf },
  });
  assert.equal(created.status, 201);
  assert.equal(created.headers["content-type"], protobuf);
  const decoded = decodeObject(created.bytes, names.typeOf, builtinTypes);
  assert.equal(nameOf(decoded), "p");
  const list = await send("GET", path, { headers: { accept: protobuf } });
  assert.equal(list.bytes.subarray(0, 4).toString("latin1"), "k8s\0");
  const preferred = await send("GET", `${path}/p`, {
    headers: { accept: `${protobuf},application/json` },
  });
  assert.equal(preferred.headers["content-type"], "application/json");

  const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const rows = await send("GET", path, { headers: { accept: table } });
  assert.equal(rows.body["kind"], "Table");
  const [row] = rows.body["rows"] as { cells: unknown[]; object: JsonObject }[];
  assert.equal(row?.cells[0], "p");
  assert.equal(row.object["kind"], "PartialObjectMetadata");
  const metadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
  const partial = await send("GET", path, { headers: { accept: metadata } });
  assert.equal(partial.body["kind"], "PartialObjectMetadataList");
  const [only] = itemsOf(partial.body);
  assert.deepEqual(Object.keys(only ?? {}).sort(), ["apiVersion", "kind", "metadata"]);
  assert.deepEqual(metadataOf(only ?? {})["labels"], { a: "b" });
  const yaml = await send("GET", `${path}/p`, { headers: { accept: "application/yaml" } });
  assert.match(yaml.bytes.toString(), /^apiVersion: v1\nkind: Pod\n/);
  assert.equal((await send("GET", path, { headers: { accept: "text/html" } })).status, 406);
});

test("bad input: each fault has its code and says what was expected", async () => {
  const path = await configMapsPath();
  const cases: [name: string, it: Sending, status: number, message: RegExp][] = [
    ["malformed JSON", { body: "{" }, 400, /not JSON/],
    ["no object", { body: "[]" }, 400, /no object/],
    ["another kind", { body: { kind: "Secret" } }, 400, /Secret/],
    [
      "another version",
      { body: { apiVersion: "v2", kind: "ConfigMap" } },
      400,
      /expected API version/,
    ],
    ["wrong type", { body: { metadata: { name: "a" }, data: "x" } }, 400, /cannot unmarshal/],
    ["media type", { body: "x", type: "text/plain" }, 415, /accepted media types/],
    ["malformed YAML", { body: "a: [", type: "application/yaml" }, 400, /line/],
    ["no name", { body: { metadata: {} } }, 422, /name or generateName is required/],
    ["bad name", { body: { metadata: { name: "A_" } } }, 422, /metadata.name/],
    ["other namespace", { body: configMap("a", { namespace: "x" }) }, 400, /namespace/],
    ["revision", { body: configMap("a", { resourceVersion: "1" }) }, 400, /should not be set/],
    ["oversize", { body: "x".repeat(4 * 1024 * 1024) }, 413, /limit/],
  ];
  for (const [name, it, status, message] of cases) {
    const answer = await send("POST", path, it);
    assert.equal(answer.status, status, name);
    assert.equal(answer.body["kind"], "Status", name);
    assert.match(textOf(answer.body["message"]), message, name);
  }
  const typo = { ...configMap("a"), dta: {} };
  const strict = await send("POST", `${path}?fieldValidation=Strict`, { body: typo });
  assert.equal(strict.status, 400);
  assert.match(textOf(strict.body["message"]), /unknown field "dta"/);
  const text = JSON.stringify(typo).replace('"a":"1"', '"a":"1","a":"2"');
  const warned = await send("POST", path, { body: text });
  assert.equal(warned.status, 201);
  const warnings = String(warned.headers["warning"]);
  assert.match(warnings, /299 - "duplicate field \\"data.a\\""/);
  assert.match(warnings, /unknown field \\"dta\\"/);
});

test("paths that nobody serves, methods that nobody has", async () => {
  assert.equal((await send("GET", "/api/v1/foos")).status, 404);
  assert.equal((await send("GET", "/foo")).status, 404);
  assert.equal((await send("GET", "/api/v1/namespaces/%ff")).status, 400);
  assert.equal((await send("DELETE", "/api/v1/namespaces")).status, 405);
  assert.equal((await send("POST", "/version", { body: {} })).status, 405);
  assert.equal((await send("GET", `/${"x".repeat(40_000)}`)).status, 414);
});

test("discovery, version and health answer as clients expect", async () => {
  const version = await send("GET", "/version");
  assert.match(textOf(version.body["gitVersion"]), /^v1\.36\.0\+gantry/);
  const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const apis = await send("GET", "/apis", { headers: { accept: aggregated } });
  assert.equal(apis.body["kind"], "APIGroupDiscoveryList");
  const etag = String(apis.headers["etag"]);
  const known = await send("GET", "/apis", {
    headers: { accept: aggregated, "if-none-match": etag },
  });
  assert.equal(known.status, 304);
  assert.equal((await send("GET", "/apis")).body["kind"], "APIGroupList");
  assert.equal((await send("GET", "/apis/apps/v1")).body["kind"], "APIResourceList");
  assert.equal((await send("GET", "/readyz")).bytes.toString(), "ok");
  const index = await send("GET", "/openapi/v3");
  const paths = index.body["paths"] as Record<string, { serverRelativeURL: string }>;
  const apps = await send("GET", paths["apis/apps/v1"]?.serverRelativeURL ?? "");
  assert.equal(apps.body["openapi"], "3.0.0");
});

test("compression: long lists for those who ask", async () => {
  const path = await configMapsPath();
  const data = { blob: "x".repeat(20_000) };
  for (let i = 0; i < 10; i++) {
    await send("POST", path, { body: { ...configMap(`c${i}`), data } });
  }
  const zipped = await send("GET", path, { headers: { "accept-encoding": "gzip" } });
  assert.equal(zipped.headers["content-encoding"], "gzip");
  const list = JSON.parse(gunzipSync(zipped.bytes).toString()) as JsonObject;
  assert.equal(itemsOf(list).length, 10);
  assert.equal((await send("GET", path)).headers["content-encoding"], undefined);
});

test("subresources with rules of their own: finalize, ephemeralcontainers, eviction", async () => {
  const namespace = await newNamespace();
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const created = await send("POST", path, { body: pod("p") });
  const debug = { name: "d", image: "busybox", targetContainerName: "c" };
  const spec = { ...(created.body["spec"] as JsonObject), ephemeralContainers: [debug] };
  const main = await send("PUT", `${path}/p`, { body: { ...created.body, spec } });
  assert.equal(main.status, 422);
  const through = await send("PATCH", `${path}/p/ephemeralcontainers`, {
    body: { spec: { ephemeralContainers: [debug], restartPolicy: "Never" } },
    type: "application/strategic-merge-patch+json",
  });
  assert.equal(through.status, 200, textOf(through.body["message"]));
  const changed = through.body["spec"] as { restartPolicy: string; ephemeralContainers: unknown[] };
  assert.equal(changed.ephemeralContainers.length, 1);
  assert.equal(changed.restartPolicy, "Always");
  const eviction = { kind: "Eviction", apiVersion: "policy/v1", metadata: { name: "p" } };
  assert.equal((await send("POST", `${path}/p/eviction`, { body: eviction })).status, 201);
  assert.equal((await send("GET", `${path}/p`)).status, 404);
  const held = pod("held");
  Object.assign(held["metadata"] as JsonObject, { finalizers: ["example.com/seen"] });
  const { body: waiting } = await send("POST", path, { body: held });
  const { resourceVersion } = waiting["metadata"] as JsonObject;
  const stale = { deleteOptions: { preconditions: { resourceVersion: "1" } } };
  const refused = await send("POST", `${path}/held/eviction`, { body: { ...eviction, ...stale } });
  assert.equal(refused.status, 409);
  const exact = { deleteOptions: { preconditions: { resourceVersion } } };
  const going = await send("POST", `${path}/held/eviction`, { body: { ...eviction, ...exact } });
  assert.equal(going.status, 201, textOf(going.body["message"]));
  const { status } = (await send("GET", `${path}/held`)).body as { status: JsonObject };
  const [condition] = status["conditions"] as JsonObject[];
  assert.equal(condition?.["reason"], "EvictionByEvictionAPI");

  const at = `/api/v1/namespaces/${namespace}`;
  const begun = await send("DELETE", at);
  assert.equal((begun.body["status"] as JsonObject)["phase"], "Terminating");
  const done = { ...begun.body, spec: { finalizers: [] } };
  assert.equal((await send("PUT", `${at}/finalize`, { body: done })).status, 200);
  assert.equal((await send("GET", at)).status, 404);
});

test("watch over WebSocket: one message for each event", async () => {
  const path = await configMapsPath();
  await send("POST", path, { body: configMap("a") });
  const socket = new WebSocket(`wss://127.0.0.1:${front.port}${path}?watch=true`, {
    ca: certificates.authority.certificate,
  });
  const events: string[] = [];
  const both = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (message: Buffer) => {
      const event = JSON.parse(message.toString()) as JsonObject;
      events.push(`${textOf(event["type"])} ${nameOf(event["object"] as JsonObject)}`);
      if (events.length === 2) resolve();
    });
  });
  socket.on("open", () => {
    send("POST", path, { body: configMap("b") }).catch(assert.ifError);
  });
  await both;
  assert.deepEqual(events, ["ADDED a", "ADDED b"]);
  socket.terminate();
});

test("shutdown: watches end in order, and the port is free again", async () => {
  const other = await openTestFront(api.api, certificates);
  const client = http2.connect(`https://127.0.0.1:${other.port}`, {
    ca: certificates.authority.certificate,
  });
  const stream = client.request({ ":path": "/api/v1/configmaps?watch=true" });
  await new Promise((resolve) => stream.once("response", resolve));
  stream.resume();
  const ended = new Promise((resolve) => stream.once("end", resolve));
  await other[Symbol.asyncDispose]();
  await ended;
  const again = await openTestFront(api.api, certificates, other.port);
  await again[Symbol.asyncDispose]();
  client.destroy();
});

test("HTTP/1.1: the same API on the same port", async () => {
  const text = await new Promise<string>((resolve, reject) => {
    const request = https.get(
      {
        host: "127.0.0.1",
        port: front.port,
        path: "/api/v1/namespaces/default",
        ca: certificates.authority.certificate,
        agent: false,
      },
      (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on("end", () => {
          resolve(body);
        });
      },
    );
    request.on("error", reject);
  });
  assert.equal((JSON.parse(text) as JsonObject)["kind"], "Namespace");
});
