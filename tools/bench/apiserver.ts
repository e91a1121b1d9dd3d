import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import { builtin, builtinResources } from "#api/kinds/list.ts";
import type { JsonObject } from "#api/object.ts";
import { strategyOf } from "#api/rules/list.ts";
import { builtinTypes } from "#api/schema/builtin.ts";
import { openHttpFront } from "#apiserver/http/front.ts";
import { encodeStored } from "#apiserver/cache/stored-form.ts";
import { fieldValues } from "#apiserver/registry/field-values.ts";
import { openApiServer, type ApiServer } from "#apiserver/server.ts";
import { openAuthority } from "#pki/authority.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import type { Store } from "#store/store.ts";

/*
 * What the API server costs, on the machine at hand: `node tools/bench/apiserver.ts`. The load
 * comes from a process of its own, over HTTP/2 and TLS with a client certificate; `CPU` is user and
 * system time of this process for each operation. Run it with `--expose-gc` for the memory figures.
 */

const podsMax = 50_000;
const user = { name: "admin", uid: "", groups: ["system:masters"], extra: {} };
const never = new AbortController().signal;

/** A pod as stored, with status: about 3 KB. */
function storedPod(i: number): JsonObject {
  const name = `web-${String(i).padStart(6, "0")}`;
  const image = "registry.example/web/server:v1.2.3";
  const env = Array.from({ length: 12 }, (_, k) => ({
    name: `SETTING_${k}`,
    value: `value-of-setting-${k}-that-is-of-some-length`,
  }));
  const time = "2026-01-01T00:00:00Z";
  const condition = (type: string): JsonObject => ({
    type,
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: time,
  });
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: {
      name,
      namespace: "default",
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
      creationTimestamp: time,
      generation: 1,
      labels: { app: `app-${i % 200}`, tier: "web", "pod-template-hash": `h${i % 500}` },
      annotations: { "example.com/checksum": "0123456789abcdef0123456789abcdef" },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: `app-${i % 200}`,
          uid: "11111111-1111-4111-8111-111111111111",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      containers: [
        {
          name: "server",
          image,
          env,
          ports: [{ containerPort: 8080, protocol: "TCP" }],
          resources: {
            requests: { cpu: "100m", memory: "128Mi" },
            limits: { cpu: "1", memory: "1Gi" },
          },
          livenessProbe: {
            httpGet: { path: "/healthz", port: 8080, scheme: "HTTP" },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
          imagePullPolicy: "IfNotPresent",
        },
      ],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      serviceAccount: "default",
      nodeName: `node-${i % 1_000}`,
      securityContext: {},
      schedulerName: "default-scheduler",
      tolerations: [
        { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
        { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
      ],
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: "PreemptLowerPriority",
    },
    status: {
      phase: "Running",
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition),
      hostIP: "10.0.0.1",
      podIP: `10.1.${(i >> 8) & 255}.${i & 255}`,
      podIPs: [{ ip: `10.1.${(i >> 8) & 255}.${i & 255}` }],
      startTime: time,
      containerStatuses: [
        {
          name: "server",
          state: { running: { startedAt: time } },
          lastState: {},
          ready: true,
          restartCount: 0,
          image,
          imageID: "registry.example/web/server@sha256:0123456789abcdef",
          containerID: "containerd://0123456789abcdef0123456789abcdef0123456789abcdef",
          started: true,
        },
      ],
      qosClass: "Burstable",
    },
  };
}

/** A pod as a controller posts it: about 1.5 KB. */
function postedPod(): JsonObject {
  const { spec, metadata, kind, apiVersion } = storedPod(1) as Record<string, JsonObject>;
  const { labels, annotations, ownerReferences } = metadata ?? {};
  const containers = (spec?.["containers"] ?? []) as JsonObject[];
  const [first] = containers;
  const env = ((first?.["env"] ?? []) as JsonObject[]).slice(0, 6);
  const container = { ...first, env };
  return {
    kind,
    apiVersion,
    metadata: { name: "x", labels, annotations, ownerReferences },
    spec: { containers: [container], restartPolicy: "Always" },
  };
}

async function fill(store: Store, count: number): Promise<void> {
  const resource = builtin("", "pods");
  for (let at = 0; at < count; at += 500) {
    const writes = Array.from({ length: Math.min(500, count - at) }, (_, k) => {
      const pod = storedPod(at + k);
      const name = (pod["metadata"] as { name: string }).name;
      const type = { kind: "Pod", apiVersion: "v1" };
      return store.write(
        {
          kind: "put",
          key: `/registry/core/pods/default/${name}`,
          value: encodeStored(pod, type, fieldValues(resource, pod)),
          ifModRevision: 0,
        },
        never,
      );
    });
    await Promise.all(writes);
  }
}

async function open(store: Store): Promise<ApiServer> {
  return await openApiServer(
    {
      store,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      resources: builtinResources,
      types: builtinTypes,
      strategyOf,
      conversionOf: () => undefined,
      access: () => ({
        authenticator: { authenticate: () => Promise.resolve(user) },
        authorizer: { authorize: () => ({ allowed: true, reason: "" }) },
        admission: [],
        reviews: new Map(),
      }),
      connect: () => ({
        forward: () => Promise.reject(new Error("no nodes here")),
        upgrade: () => Promise.reject(new Error("no nodes here")),
      }),
      address: "127.0.0.1",
      build: "0.0.0",
      issuer: undefined,
      checks: [],
    },
    never,
  );
}

function openStore(directory: string): Promise<Store> {
  return LmdbStore.open({ directory, clock: systemClock, quotaBytes: 8 * 2 ** 30 });
}

const fillFlag = process.argv.find((it) => it.startsWith("--fill="));
if (fillFlag !== undefined) {
  const filled = await openStore(fillFlag.slice("--fill=".length));
  await fill(filled, podsMax);
  await filled[Symbol.asyncDispose]();
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), "gantry-bench-"));
const authority = await openAuthority(folder, systemClock);
const serving = await authority.serving("server", "kube-apiserver", ["127.0.0.1"]);
await authority.client("admin", { commonName: "admin", organizations: ["system:masters"] });
writeFileSync(join(folder, "pod.json"), JSON.stringify(postedPod()));

let store = await openStore(join(folder, "store"));
let server = await open(store);
const front = await openHttpFront({
  tls: { key: serving.key, cert: serving.certificate, clientCa: authority.certificate },
  host: "127.0.0.1",
  port: 0,
  handler: (request) => server.handler(request),
  upgrade: (request, socket, head) => server.upgrade(request, socket, head),
  clock: systemClock,
  log: silentLogger,
});

function client(scenario: string, parameters: object): ChildProcess {
  const script = join(import.meta.dirname, "apiserver-client.ts");
  const args = [script, String(front.port), folder, scenario, JSON.stringify(parameters)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Runs a scenario to its end; returns what it printed and the CPU seconds of this process. */
async function run(
  scenario: string,
  parameters: object,
): Promise<{ readonly result: Record<string, number>; readonly cpuSeconds: number }> {
  const child = client(scenario, parameters);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const before = process.cpuUsage();
  await once(child, "exit");
  const used = process.cpuUsage(before);
  const last = text.trim().split("\n").at(-1) ?? "{}";
  const result = JSON.parse(last) as Record<string, number>;
  return { result, cpuSeconds: (used.user + used.system) / 1e6 };
}

function show(name: string, values: Record<string, number | string>): void {
  const texts = Object.entries(values).map(([label, value]) => {
    const shown = typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : value;
    return `${label} ${shown}`;
  });
  console.log(`${name.padEnd(44)} ${texts.join("  ")}`);
}

async function benchCreate(inFlight: number, count: number): Promise<void> {
  const bodies = join(folder, "pod.json");
  const { result, cpuSeconds } = await run("createPods", { bodies, inFlight, count });
  show(`create pod 1.5 KB, ${inFlight} in flight`, {
    "per second": result["perSecond"] ?? 0,
    "p50 ms": result["p50"] ?? 0,
    "p99 ms": result["p99"] ?? 0,
    "CPU µs": (cpuSeconds / count) * 1e6,
    failed: result["failed"] ?? 0,
  });
}

async function benchGet(inFlight: number, count: number, name = ""): Promise<void> {
  const paths = Array.from(
    { length: 500 },
    (_, i) => `/api/v1/namespaces/default/pods/web-${String(i).padStart(6, "0")}`,
  );
  const { result, cpuSeconds } = await run("get", { paths, inFlight, count });
  show(`GET pod 3 KB, ${inFlight} in flight${name}`, {
    "per second": result["perSecond"] ?? 0,
    "p50 ms": result["p50"] ?? 0,
    "p99 ms": result["p99"] ?? 0,
    "max ms": result["max"] ?? 0,
    ...(name === "" ? { "CPU µs": (cpuSeconds / count) * 1e6 } : {}),
  });
}

async function benchList(name: string, query: string, count = 7): Promise<void> {
  const paths = [`/api/v1/pods${query}`];
  await run("list", { paths, count: 1 });
  const { result, cpuSeconds } = await run("list", { paths, count });
  show(`LIST ${name}`, {
    "p50 ms": result["p50"] ?? 0,
    "min ms": result["min"] ?? 0,
    MB: (result["bytes"] ?? 0) / 1e6,
    "CPU ms": (cpuSeconds / count) * 1e3,
  });
}

async function benchIsolation(): Promise<void> {
  const loops = [1, 2].map(() => client("listForever", { paths: ["/api/v1/pods"] }));
  await delay(1_500);
  await benchGet(1, 500, ", beside two looping LISTs");
  for (const loop of loops) loop.kill("SIGKILL");
  await Promise.all(loops.map((it) => once(it, "exit")));
}

async function benchWatch(watchers: number, perSecond: number, seconds: number): Promise<void> {
  const parameters = {
    count: watchers,
    sessions: Math.min(50, watchers),
    seconds: seconds + 1,
    paths: [`/api/v1/namespaces/default/pods?watch=true&resourceVersion=${server.cache.revision}`],
  };
  const child = client("watch", parameters);
  let text = "";
  const ready = new Promise<void>((resolve) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("ready")) resolve();
    });
  });
  await ready;
  const before = process.cpuUsage();
  const since = performance.now();
  let sent = 0;
  while (sent < perSecond * seconds) {
    const due = Math.min(((performance.now() - since) / 1_000) * perSecond, perSecond * seconds);
    const writes: Promise<void>[] = [];
    for (; sent < due; sent++) writes.push(touchPod(sent));
    await Promise.all(writes);
    await delay(2);
  }
  const used = process.cpuUsage(before);
  if (child.exitCode === null) await once(child, "exit");
  const result = JSON.parse(text.trim().split("\n").at(-1) ?? "{}") as Record<string, number>;
  const deliveries = result["events"] ?? 0;
  show(`watch, ${watchers} watchers, ${perSecond} events/s`, {
    delivered: `${((deliveries / (sent * watchers)) * 100).toFixed(1)} %`,
    "lag p50 ms": result["p50"] ?? 0,
    "lag p99 ms": result["p99"] ?? 0,
    "CPU µs/delivery": (used.user + used.system) / deliveries,
    ended: result["ended"] ?? 0,
  });
}

/** Changes a pod in the store, so that the events' own cost is what is measured. */
async function touchPod(i: number): Promise<void> {
  const pod = storedPod(i % 5_000);
  const metadata = pod["metadata"] as JsonObject;
  metadata["annotations"] = { sent: String(Date.now()) };
  const key = `default/web-${String(i % 5_000).padStart(6, "0")}`;
  const current = server.cache.of(builtin("", "pods")).get(key);
  const type = { kind: "Pod", apiVersion: "v1" };
  await store.write(
    {
      kind: "put",
      key: `/registry/core/pods/${key}`,
      value: encodeStored(pod, type, fieldValues(builtin("", "pods"), pod)),
      ifModRevision: current?.revision ?? 0,
    },
    never,
  );
}

/** Fills a store in a process of its own, so that this one holds only what serving takes. */
async function fillElsewhere(directory: string): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename, `--fill=${directory}`], {
    stdio: "inherit",
  });
  await once(child, "exit");
}

show("idle", { "RSS MB": process.memoryUsage.rss() / 1e6 });
await benchCreate(1, 500);
await benchCreate(64, 3_000);
await benchCreate(64, 12_000);
await server[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
const full = join(folder, "full");
await fillElsewhere(full);
store = await openStore(full);
const beforeLoad = process.cpuUsage();
const loadStart = performance.now();
server = await open(store);
const loading = process.cpuUsage(beforeLoad);
show(`recover ${podsMax} pods`, {
  ms: performance.now() - loadStart,
  "CPU ms": (loading.user + loading.system) / 1_000,
});
await benchGet(1, 2_000);
await benchGet(32, 40_000);
await benchList("500 (limit)", "?limit=500", 50);
await benchList(`all (${podsMax})`, "", 9);
await benchList("label selector, 1 of 200", "?labelSelector=app%3Dapp-7", 20);
await benchList("spec.nodeName (indexed)", "?fieldSelector=spec.nodeName%3Dnode-7", 20);
await benchIsolation();
const pods = server.cache.of(builtin("", "pods"));
globalThis.gc?.();
show("memory", {
  "RSS MB (with the mapped file)": process.memoryUsage.rss() / 1e6,
  "JSON MB": pods.bytes / 1e6,
  "heap MB": process.memoryUsage().heapUsed / 1e6,
  "buffers MB": process.memoryUsage().arrayBuffers / 1e6,
  objects: pods.size,
});
await benchWatch(100, 200, 4);
await benchWatch(1_000, 20, 4);
await front[Symbol.asyncDispose]();
await server[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
rmSync(folder, { recursive: true, force: true });
