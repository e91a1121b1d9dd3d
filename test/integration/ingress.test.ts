// Ingresses in front of real pods: whom a request reaches, by which certificate, and what happens to
// it while rules, endpoints and certificates change.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { issuePair, makeAuthority } from "#pki/issue.ts";
import { ok, systemMissing } from "#testing/gantry-process.ts";
import { askIngress, Load, type AskOptions } from "#testing/ingress-client.ts";
import { NetworkCluster, until } from "#testing/network-cluster.ts";
import type { Seen } from "./programs/ingress-backend.ts";

const skip =
  systemMissing() ?? (existsSync("/usr/sbin/haproxy") ? undefined : "needs /usr/sbin/haproxy");
/** A test that hangs is to say so itself. */
const limits = { skip, timeout: 90_000 };
const port = 26_461;
const dayMs = 86_400_000;
let opened: NetworkCluster | undefined;

function cluster(): NetworkCluster {
  assert.ok(opened !== undefined);
  return opened;
}

interface Rule {
  readonly host?: string;
  readonly path?: string;
  readonly pathType?: string;
  /** `service:port`, by name or number. */
  readonly to: string;
}

function backend(to: string): object {
  const [name, port = ""] = to.split(":");
  const isNumber = /^\d+$/.test(port);
  return { service: { name, port: isNumber ? { number: Number(port) } : { name: port } } };
}

function ingress(
  name: string,
  rules: readonly Rule[],
  more: { readonly spec?: object; readonly annotations?: Record<string, string> } = {},
): object {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, annotations: more.annotations ?? {} },
    spec: {
      rules: rules.map(({ host, path = "/", pathType = "Prefix", to }) => ({
        host,
        http: { paths: [{ path, pathType, backend: backend(to) }] },
      })),
      ...more.spec,
    },
  };
}

function pod(name: string, command: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name.split("-")[0] } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "c", image: "busybox", command: ["sh", "-c", command] }],
    },
  };
}

function service(name: string, ports: readonly object[], selected = true): object {
  const selector = selected ? { selector: { app: name } } : {};
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ...selector, ports } };
}

function slice(name: string, address: string, targetPort: number): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name, labels: { "kubernetes.io/service-name": "flaky" } },
    addressType: "IPv4",
    ports: [{ name: "", port: targetPort, protocol: "TCP" }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
}

async function secret(name: string, ...hosts: readonly string[]): Promise<object> {
  const now = Date.now();
  const authority = await makeAuthority("test", dayMs, now);
  const usages = ["server auth"] as const;
  const profile = { commonName: name, organizations: [], hosts, usages, lifetimeMs: dayMs };
  const pair = await issuePair(authority, profile, now);
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name: name.split(" ")[0] },
    data: { "tls.crt": base64(pair.certificate), "tls.key": base64(pair.key) },
  };
}

/** The status, and who answered; waits until that is as wanted. */
async function answers(options: AskOptions, want: string): Promise<void> {
  await until(async () => {
    assert.equal(await outcome(options), want, JSON.stringify(options));
  });
}

async function outcome(options: AskOptions): Promise<string> {
  const { status, text } = await askIngress(options);
  const isJson = text.startsWith("{");
  return status === 200 && isJson ? `200 ${(JSON.parse(text) as Seen).name}` : String(status);
}

async function seen(options: AskOptions): Promise<Seen> {
  const { status, text } = await askIngress(options);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Seen;
}

async function eventOf(kind: string, name: string, wanted: RegExp): Promise<void> {
  await until(() => {
    const selector = `--field-selector=involvedObject.kind=${kind},involvedObject.name=${name}`;
    const format = "-o=jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}";
    assert.match(cluster().kubectl("get", "events", selector, format), wanted);
  });
}

before(async () => {
  if (skip !== undefined) return;
  opened = new NetworkCluster(port);
  const page = "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp";
  cluster().apply(
    pod("app-0", "exec sleep 3600"),
    pod("other-0", "exec sleep 3600"),
    pod("web-0", page),
    pod("web-1", page),
    service("app", [
      { name: "http", port: 80, targetPort: 8080 },
      { name: "grpc", port: 90, targetPort: 9090, appProtocol: "kubernetes.io/h2c" },
      { name: "tls", port: 443, targetPort: 9443, appProtocol: "https" },
    ]),
    service("other", [{ name: "http", port: 80, targetPort: 8080 }]),
    service("web", [{ port: 80, targetPort: 8080 }]),
    service("flaky", [{ port: 80 }], false),
  );
  cluster().kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
  const authority = await makeAuthority("backend", dayMs, Date.now());
  for (const name of ["app", "other"]) {
    const options = JSON.stringify({ name, ...authority });
    const child = cluster().start({ pod: `${name}-0` }, "ingress-backend.ts", options);
    assert.ok(child.stdout !== null);
    await once(child.stdout, "data");
  }
  const { status } = cluster().json("get", "pod", "app-0") as { status: { podIP: string } };
  cluster().apply(slice("works", status.podIP, 8080), slice("refuses", status.podIP, 8099));
});

after(() => {
  opened?.[Symbol.dispose]();
});

test("hosts and paths: the most exact rule has the request", limits, async () => {
  cluster().apply(
    ingress("rules", [
      { host: "a.test", path: "/exact", pathType: "Exact", to: "other:http" },
      { host: "a.test", path: "/exact", to: "app:80" },
      { host: "a.test", path: "/pre/fix", to: "app:http" },
      { host: "a.test", path: "/pre", to: "other:80" },
      { host: "a.test", path: "/spec", pathType: "ImplementationSpecific", to: "app:80" },
      { host: "*.wild.test", path: "/", to: "app:80" },
      { host: "named.wild.test", path: "/", to: "other:80" },
      { path: "/any", to: "app:80" },
    ]),
  );
  await answers({ host: "a.test", path: "/exact" }, "200 other");
  const table: [host: string, path: string, want: string][] = [
    ["a.test", "/exact?q=/x", "200 other"],
    ["a.test", "/exact/", "200 app"],
    ["a.test", "/exact/more", "200 app"],
    ["a.test", "/exactly", "404"],
    ["a.test", "/pre/fix", "200 app"],
    ["a.test", "/pre/fix/x", "200 app"],
    ["a.test", "/pre/fixed", "200 other"],
    ["a.test", "/pre/", "200 other"],
    ["a.test", "/Pre", "404"],
    ["a.test", "/%70re", "200 other"],
    ["a.test", "/spec/x", "200 app"],
    ["a.test", "/", "404"],
    ["A.Test:80", "/pre", "200 other"],
    ["a.test.", "/pre", "200 other"],
    ["a.test", "/any/thing", "200 app"],
    ["x.wild.test", "/", "200 app"],
    ["named.wild.test", "/", "200 other"],
    ["x.y.wild.test", "/", "404"],
    ["wild.test", "/", "404"],
    ["no.test", "/any", "200 app"],
    ["no.test", "/", "404"],
    ["no.test/any", "/", "400"],
  ];
  for (const [host, path, want] of table) {
    assert.equal(await outcome({ host, path }), want, `${host} ${path}`);
  }
});

test("an Ingress shows where it is answered, once it is", limits, async () => {
  await until(() => {
    const node = cluster().json("get", "nodes") as {
      items: { status: { addresses: { type: string; address: string }[] } }[];
    };
    const address = node.items[0]?.status.addresses.find((it) => it.type === "InternalIP");
    const text = cluster().kubectl("get", "ingress", "rules", "--no-headers");
    assert.ok(address !== undefined && text.includes(` ${address.address} `), text);
    assert.match(text, /^rules +gantry +/);
  });
});

test("services see who asks, and nothing of the hop between", limits, async () => {
  const headers = {
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-proto": "https",
    forwarded: "for=6.6.6.6",
    connection: "close, x-nominated",
    "x-nominated": "1",
    "keep-alive": "timeout=5",
    te: "gzip",
    "proxy-authorization": "Basic c2VjcmV0",
    "x-own": "stays",
  };
  const { headers: got, url } = await seen({ host: "a.test", path: "/pre/fix?a=%20b", headers });
  assert.equal(url, "/pre/fix?a=%20b");
  assert.deepEqual(
    [got.host, got["x-forwarded-for"], got["x-real-ip"], got["x-forwarded-proto"]],
    ["a.test", "127.0.0.1", "127.0.0.1", "http"],
  );
  assert.deepEqual([got["x-forwarded-host"], got["x-forwarded-port"]], ["a.test", "80"]);
  for (const it of ["forwarded", "x-nominated", "keep-alive", "te", "proxy-authorization"]) {
    assert.equal(got[it], undefined, it);
  }
  assert.equal(got["x-own"], "stays");
  cluster().apply(ingress("hop", [{ host: "hop.test", to: "app:80" }]));
  await answers({ host: "hop.test" }, "200 app");
  const response = await askIngress({ host: "hop.test", path: "/hop" });
  assert.equal(response.headers["x-hop"], undefined, "what the service names goes no further");
});

test("default backends: of the cluster, and 404 without one", limits, async () => {
  cluster().apply(ingress("default", [], { spec: { defaultBackend: backend("other:80") } }));
  await answers({ host: "no.test", path: "/nowhere" }, "200 other");
  assert.equal(await outcome({ host: "a.test", path: "/pre/fix" }), "200 app");
  cluster().kubectl("delete", "ingress", "default");
  await answers({ host: "no.test", path: "/nowhere" }, "404");
});

test("classes: others' Ingresses are left alone", limits, async () => {
  const of = (name: string, ingressClassName: string): object =>
    ingress(name, [{ host: `${name}.test`, to: "app:80" }], { spec: { ingressClassName } });
  cluster().apply(of("foreign", "nobody"), of("ours", "gantry"));
  await answers({ host: "ours.test" }, "200 app");
  assert.equal(await outcome({ host: "foreign.test" }), "404");
  const { status } = cluster().json("get", "ingress", "foreign") as { status: object };
  assert.deepEqual(status, { loadBalancer: {} });
});

test("TLS: certificates by name, rotation, redirect", limits, async () => {
  const tls = [
    { hosts: ["secure.test"], secretName: "secure" },
    { hosts: ["*.many.test"], secretName: "many" },
  ];
  const rules = ["secure.test", "one.many.test"].map((host) => ({ host, to: "app:80" }));
  cluster().apply(ingress("tls", rules, { spec: { tls } }));
  // Without its Secret the host is served, by the certificate that nobody trusts.
  await eventOf("Ingress", "tls", /SecretNotFound: secret default\/secure does not exist/);
  await answers({ host: "secure.test" }, "200 app");
  cluster().apply(await secret("secure first", "secure.test"), await secret("many", "*.many.test"));
  const certificate = async (host: string): Promise<string> =>
    (await askIngress({ host, scheme: "https" })).certificate;
  await until(async () => {
    assert.equal(await certificate("secure.test"), "secure first");
    assert.equal(await certificate("one.many.test"), "many");
  });
  assert.match(await certificate("unknown.test"), /default certificate/);
  assert.match(await certificate("a.b.many.test"), /default certificate/);
  const { headers } = await seen({ host: "secure.test", scheme: "https" });
  assert.equal(headers["x-forwarded-proto"], "https");
  const { status, headers: where } = await askIngress({ host: "secure.test", path: "/a?b=c" });
  assert.deepEqual([status, where.location], [308, "https://secure.test/a?b=c"]);
  cluster().apply(await secret("secure second", "secure.test"));
  await until(async () => {
    assert.equal(await certificate("secure.test"), "secure second");
  });
  cluster().kubectl("annotate", "ingress", "tls", "ingress.gantry.dev/ssl-redirect=false");
  await answers({ host: "secure.test" }, "200 app");
  // A certificate that does not fit its key harms nobody else.
  const wrong = (await secret("secure", "secure.test")) as { data: Record<string, string> };
  const other = (await secret("x", "x.test")) as { data: Record<string, string> };
  cluster().apply({ ...wrong, data: { ...wrong.data, "tls.key": other.data["tls.key"] } });
  await eventOf("Ingress", "tls", /InvalidCertificate: .*tls.key is not the key of tls.crt/);
  await until(async () => {
    assert.match(await certificate("secure.test"), /default certificate/);
  });
  assert.equal(await certificate("one.many.test"), "many");
});

test("HTTP/2 from clients, and to services that speak it", limits, async () => {
  cluster().apply(
    ingress("two", [
      { host: "two.test", path: "/grpc", to: "app:grpc" },
      { host: "two.test", path: "/tls", to: "app:tls" },
      { host: "two.test", path: "/", to: "app:http" },
    ]),
  );
  await answers({ host: "two.test" }, "200 app");
  await answers({ host: "two.test", path: "/tls" }, "200 app");
  const options = { servername: "two.test", rejectUnauthorized: false };
  const session = http2.connect("https://127.0.0.1", options);
  const ask = async (path: string): Promise<{ text: string; trailers: object }> => {
    const stream = session.request({ ":path": path, ":authority": "two.test" });
    let [text, trailers] = ["", {}];
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => (text += chunk));
    stream.on("trailers", (it: http2.IncomingHttpHeaders) => {
      trailers = Object.fromEntries(Object.entries(it));
    });
    await once(stream, "end");
    return { text, trailers };
  };
  try {
    const [plain, grpc] = await Promise.all([ask("/"), ask("/grpc/Service")]);
    assert.equal((JSON.parse(plain.text) as Seen).headers["x-forwarded-proto"], "https");
    assert.equal(grpc.text, "app /grpc/Service HTTP/h2c");
    assert.deepEqual(grpc.trailers, { "grpc-status": "0" });
  } finally {
    session.close();
  }
});

test("WebSocket, over plain HTTP and over TLS", limits, async () => {
  for (const url of ["ws://127.0.0.1/chat", "wss://127.0.0.1/chat"]) {
    const how = { headers: { host: "two.test" }, servername: "two.test" };
    const socket = new WebSocket(url, { ...how, rejectUnauthorized: false });
    await once(socket, "open");
    const echoed = once(socket, "message");
    socket.send("hello");
    assert.equal(String(((await echoed) as [Buffer])[0]), "hello", url);
    socket.close();
    await once(socket, "close");
  }
});

test("bodies go through as they come, both ways", limits, async () => {
  const how = { host: "127.0.0.1", port: 80, headers: { host: "two.test" }, agent: false } as const;
  const answer = http.get({ ...how, path: "/hold" });
  const held = await chunksOf(answer);
  assert.equal(await held(), "first\n");
  await askIngress({ host: "two.test", path: "/release" });
  assert.equal(await held(), "last\n");
  const echo = http.request({ ...how, path: "/echo", method: "POST" });
  echo.write("one");
  const echoed = await chunksOf(echo);
  assert.equal(await echoed(), "one");
  echo.write("two");
  assert.equal(await echoed(), "two");
  echo.end();
  assert.equal(await echoed(), undefined);
});

/** The chunks of the answer, one for each call; undefined at its end. */
async function chunksOf(request: http.ClientRequest): Promise<() => Promise<string | undefined>> {
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const chunks = response.setEncoding("utf8").iterator() as AsyncIterator<string, undefined>;
  return async () => (await chunks.next()).value;
}

test("limits: of bodies, of heads, of silence", limits, async () => {
  const annotations = {
    "ingress.gantry.dev/read-timeout": "300ms",
    "ingress.gantry.dev/body-size-max": "1Ki",
  };
  cluster().apply(ingress("limits", [{ host: "limits.test", to: "app:80" }], { annotations }));
  await answers({ host: "limits.test" }, "200 app");
  const post = { host: "limits.test", path: "/echo", method: "POST" };
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal((await askIngress({ ...post, body: "x".repeat(1_024) })).status, 200);
  assert.equal((await askIngress({ ...post, body: "x".repeat(1_025) })).status, 413);
  assert.equal((await askIngress({ ...post, body: "x", headers: chunked })).status, 411);
  assert.equal(await outcome({ host: "limits.test", path: "/silence" }), "504");
  const headers = { "x-large": "x".repeat(40_000) };
  assert.ok((await askIngress({ host: "limits.test", headers })).status >= 400);
});

test("an endpoint that refuses is passed over", limits, async () => {
  cluster().apply(ingress("flaky", [{ host: "flaky.test", to: "flaky:80" }]));
  await answers({ host: "flaky.test" }, "200 app");
  for (const method of Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? "GET" : "POST"))) {
    const { status } = await askIngress({ host: "flaky.test", method });
    assert.equal(status, 200, method);
  }
});

test("endpoints come and go without a reload", limits, async () => {
  cluster().apply(ingress("web", [{ host: "web.test", to: "web:80" }]));
  const names = async (count: number): Promise<string> => {
    const found = new Set<string>();
    for (let it = 0; it < count; it++) {
      const { status, text } = await askIngress({ host: "web.test" });
      found.add(status === 200 ? text.trim() : String(status));
    }
    return [...found].sort().join(" ");
  };
  await until(async () => {
    assert.equal(await names(4), "web-0 web-1");
  });
  const generations = generationsOf().join();
  cluster().kubectl("delete", "pod", "web-0");
  await until(async () => {
    assert.equal(await names(4), "web-1");
  });
  cluster().kubectl("delete", "pod", "web-1");
  await until(async () => {
    assert.equal(await names(2), "503");
  });
  assert.equal(generationsOf().join(), generations);
});

test("references that lead nowhere are told, and answered with 503", limits, async () => {
  cluster().apply(ingress("bad", [{ host: "bad.test", to: "missing:80" }]));
  await answers({ host: "bad.test" }, "503");
  await eventOf("Ingress", "bad", /ServiceNotFound: service default\/missing does not exist/);
  cluster().apply(ingress("bad", [{ host: "bad.test", to: "app:81" }]));
  await eventOf("Ingress", "bad", /PortNotFound: service default\/app has no TCP port 81/);
  cluster().apply(ingress("bad", [{ host: "bad.test", to: "app:80" }]));
  await answers({ host: "bad.test" }, "200 app");
});

/** Processes of the proxy, `pid` of the latest generation last. */
function generationsOf(): number[] {
  const found: [generation: number, pid: number][] = [];
  for (const path of globSync("/proc/[0-9]*/cmdline")) {
    const [, generation] =
      /haproxy\0-db\0-f\0(?:.*)\/ingress\/g(\d+)\/haproxy\.cfg/.exec(readProcess(path)) ?? [];
    const isOurs = readProcess(path).includes(cluster().system.directory);
    if (generation !== undefined && isOurs) {
      found.push([Number(generation), Number(path.split("/")[2])]);
    }
  }
  return found.toSorted(([a], [b]) => a - b).map(([, pid]) => pid);
}

function readProcess(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // It ended meanwhile.
  }
}

test("under load no request fails while rules change", limits, async () => {
  const before = generationsOf().at(-1);
  const socket = new WebSocket("ws://127.0.0.1/chat", { headers: { host: "two.test" } });
  await once(socket, "open");
  await using load = new Load("two.test", 8);
  for (let round = 0; round < 6; round++) {
    const host = `round-${round}.test`;
    cluster().apply(ingress("changing", [{ host, to: "other:80" }]));
    await answers({ host }, "200 other");
  }
  cluster().apply(await secret("many", "*.many.test"));
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.count > 100, `${load.count} requests`);
  assert.notEqual(generationsOf().at(-1), before, "it was reloaded");
  // What was open before goes on where it was.
  const echoed = once(socket, "message");
  socket.send("still here");
  assert.equal(String(((await echoed) as [Buffer])[0]), "still here");
  socket.close();
});

test("a proxy that dies is started again", limits, async () => {
  for (const pid of generationsOf()) process.kill(pid, "SIGKILL");
  await answers({ host: "two.test" }, "200 app");
});

test("the proxy goes on while its daemon is killed and started anew", limits, async () => {
  const { system } = cluster();
  const daemon = globSync("/proc/[0-9]*/cmdline").find((it) =>
    readProcess(it).includes(`gantry.js\0daemon\0--data-dir\0${join(system.directory, "data")}`),
  );
  assert.ok(daemon !== undefined);
  await using load = new Load("two.test", 4);
  process.kill(Number(daemon.split("/")[2]), "SIGKILL");
  await until(() => {
    ok(system.up());
  });
  cluster().apply(ingress("again", [{ host: "again.test", to: "other:80" }]));
  await answers({ host: "again.test" }, "200 other");
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test("a port that is taken is told, and the other is served", limits, async () => {
  cluster().kubectl("delete", "ingress", "--all");
  await until(() => {
    assert.deepEqual(generationsOf(), [], "no Ingress, no proxy");
  });
  const taker = createServer();
  taker.listen(80, "127.0.0.1");
  await once(taker, "listening");
  cluster().apply(ingress("later", [{ host: "later.test", to: "app:80" }]));
  await answers({ host: "later.test", scheme: "https" }, "200 app");
  const { items } = cluster().json("get", "nodes") as { items: { metadata: { name: string } }[] };
  const node = items[0]?.metadata.name ?? "";
  await eventOf("Node", node, /IngressNotServed: port 80 is taken by another program/);
  taker.close();
  await answers({ host: "later.test" }, "200 app");
});

test("a load balancer does not take the port of Ingresses, nor they its", limits, async () => {
  const balanced = (name: string, number: number): object => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type: "LoadBalancer", selector: { app: "app" }, ports: [{ port: number }] },
  });
  cluster().apply(balanced("late", 80));
  await eventOf("Service", "late", /port tcp\/80 of the nodes is taken/);
  cluster().kubectl("delete", "ingress", "--all");
  await until(() => {
    const address = "-o=jsonpath={.status.loadBalancer.ingress[0].ip}";
    assert.notEqual(cluster().kubectl("get", "service", "late", address), "");
  });
  cluster().apply(ingress("last", [{ host: "last.test", to: "app:80" }]));
  await answers({ host: "last.test", scheme: "https" }, "200 app");
  const { items } = cluster().json("get", "nodes") as { items: { metadata: { name: string } }[] };
  const node = items[0]?.metadata.name ?? "";
  await eventOf("Node", node, /port 80 is taken by the LoadBalancer default\/late/);
});

test("reset leaves no proxy behind", limits, () => {
  assert.notDeepEqual(generationsOf(), []);
  ok(cluster().system.gantry("reset"));
  assert.deepEqual(generationsOf(), []);
});
