import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Ingress } from "#api/gen/types.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { renderConfig } from "#ingress/haproxy/config.ts";
import { Haproxy } from "#ingress/haproxy/haproxy.ts";
import { findProxies } from "#ingress/haproxy/processes.ts";
import { assignSlots, slotChanges, type Slots } from "#ingress/haproxy/slots.ts";
import type { IngressPlan } from "#ingress/model.ts";
import { planIngress } from "#ingress/plan.ts";
import { issuePair, makeAuthority } from "#pki/issue.ts";
import {
  cpuSecondsOfFamily,
  listening,
  startHandler,
  startProxyNginx,
  startUpstream,
  type Peer,
} from "./ingress-peer.ts";
import { median, printTable, quantile, type Row } from "./report.ts";

/*
 * Requests through the ingress, beside direct ones, Debian's nginx set up for the same, and a plain
 * handler on Node's HTTP; what a reload does to clients that keep their connections; and what it takes
 * to plan and to reload with many Ingresses. On loopback; needs nginx, haproxy and wrk.
 */

const needed = ["/usr/sbin/nginx", "/usr/sbin/haproxy", "/usr/bin/wrk"];
const seconds = 4;
const rounds = 3;
const clients = 32;
const reloads = 8;
const changes = 20;
const upstreams = [21_801, 21_802];
const ports = {
  haproxy: { http: 21_811, https: 21_812 },
  nginx: { http: 21_821, https: 21_822 },
  handler: { one: 21_831, two: 21_832 },
};
const { signal } = new AbortController();

interface Run {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
}

/** What wrk saw, times in milliseconds. */
async function wrk(url: string, headers: readonly string[], time: number): Promise<Run> {
  const args = ["-t1", `-c${clients}`, `-d${time}s`, "--latency"];
  const all = ["Host: bench.test", ...headers].flatMap((it) => ["-H", it]);
  const { stdout } = await promisify(execFile)("/usr/bin/wrk", [...args, ...all, url]);
  const latency = (percent: string): number => {
    const [, number = "0", unit = "ms"] =
      new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout) ?? [];
    return Number(number) * ({ us: 0.001, ms: 1, s: 1_000 }[unit] ?? 1);
  };
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    stdout,
  );
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0),
    p50: latency("50"),
    p99: latency("99"),
    errors: (socketErrors ?? []).slice(1).reduce((sum, it) => sum + Number(it), bad),
  };
}

interface Way {
  readonly name: string;
  readonly url: string;
  /** Whose processor time counts. */
  readonly pid: number;
}

/** In turn, so that a busy machine slows all alike. */
async function measure(ways: readonly Way[], headers: readonly string[]): Promise<Row[]> {
  const seen = ways.map((): { rate: number; p50: number; p99: number; cpu: number }[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { url, pid }] of ways.entries()) {
      const before = cpuSecondsOfFamily(pid);
      const { requests, p50, p99 } = await wrk(url, headers, seconds);
      const cpu = ((cpuSecondsOfFamily(pid) - before) / requests) * 1e6;
      seen[index]?.push({ rate: requests / seconds, p50, p99, cpu });
    }
  }
  return ways.map(({ name }, index) => {
    const runs = seen[index] ?? [];
    return {
      name,
      figures: {
        "requests/s": median(runs.map((it) => it.rate)),
        "p50 ms": median(runs.map((it) => it.p50)),
        "p99 ms": median(runs.map((it) => it.p99)),
        "CPU µs": median(runs.map((it) => it.cpu)),
      },
    };
  });
}

function plan(count: number, endpoints: readonly string[]): IngressPlan {
  const ingresses = Array.from({ length: count }, (_, at): Ingress => {
    const service = { name: at === 0 ? "web" : `web-${at}`, port: { number: 80 } };
    const paths = [{ path: "/", pathType: "Prefix", backend: { service } }];
    const host = at === 0 ? "bench.test" : `host-${at}.test`;
    return {
      metadata: { namespace: "bench", name: `i-${at}` },
      spec: { ingressClassName: "gantry", rules: [{ host, http: { paths } }] },
    };
  });
  const numbers = [...new Set(endpoints.map((it) => Number(it.split(":")[1])))];
  return planIngress({
    ingresses,
    classes: [{ metadata: { name: "gantry" }, spec: { controller: "gantry.dev/ingress" } }],
    service: () => ({ spec: { ports: [{ port: 80 }] } }),
    slices: () =>
      numbers.map((port) => ({
        addressType: "IPv4",
        ports: [{ port }],
        endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
      })),
    certificate: () => ({ kind: "missing" }),
  });
}

class Ingresses {
  readonly #haproxy: Haproxy;
  readonly #directory: string;
  readonly #certificate: string;
  #slots: Slots = new Map();

  private constructor(haproxy: Haproxy, directory: string, certificate: string) {
    this.#haproxy = haproxy;
    this.#directory = directory;
    this.#certificate = certificate;
  }

  static async open(directory: string, certificate: string): Promise<Ingresses> {
    const place = { program: "/usr/sbin/haproxy", directory, clock: systemClock };
    const haproxy = await Haproxy.open({ ...place, log: silentLogger }, () => undefined);
    return new Ingresses(haproxy, directory, certificate);
  }

  async start(given: IngressPlan): Promise<void> {
    this.#slots = assignSlots(this.#slots, given.backends);
    const { http: httpPort, https: httpsPort } = ports.haproxy;
    const machine = { user: undefined, connectionsMax: 2_000, threads: 2 };
    const settings = { ...machine, httpPort, httpsPort, defaultCertificate: this.#certificate };
    await this.#haproxy.start(
      (socket) => renderConfig(given, this.#slots, { ...settings, socket }),
      signal,
    );
  }

  async change(given: IngressPlan): Promise<void> {
    const next = assignSlots(this.#slots, given.backends);
    await this.#haproxy.change(slotChanges(this.#slots, next), signal);
    this.#slots = next;
  }

  async pid(): Promise<number> {
    return (await findProxies(this.#directory)).at(-1)?.pid ?? 0;
  }

  async stop(): Promise<void> {
    await this.#haproxy.stop();
  }
}

const endpoints = upstreams.map((it) => `127.0.0.1:${it}`);

/** Answers that clients with kept connections miss while the proxy is reloaded again and again. */
async function benchReload(name: string, url: string, reload: () => Promise<void>): Promise<Row> {
  const run = wrk(url, [], reloads + 2);
  for (let it = 0; it < reloads; it++) {
    await delay(1_000);
    await reload();
  }
  const { requests, errors, p99 } = await run;
  return { name, figures: { requests, "failed requests": errors, "p99 ms": p99 } };
}

async function benchChanges(ingresses: Ingresses, count: number): Promise<Row> {
  const [planned, started, changed]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    let since = performance.now();
    const given = plan(count, endpoints);
    planned.push(performance.now() - since);
    since = performance.now();
    await ingresses.start(given);
    started.push(performance.now() - since);
  }
  for (let round = 0; round < changes; round++) {
    const given = plan(count, endpoints);
    const [id = "", backend] = [...given.backends][0] ?? [];
    if (backend === undefined) continue;
    const other = { ...backend, endpoints: [`127.0.0.1:${30_000 + round}`] };
    const since = performance.now();
    await ingresses.change({ ...given, backends: new Map([...given.backends, [id, other]]) });
    changed.push(performance.now() - since);
  }
  const sorted = changed.toSorted((a, b) => a - b);
  return {
    name: `${count} Ingresses`,
    figures: {
      "plan ms": median(planned),
      "render and reload ms": median(started),
      "an endpoint ms": median(changed),
      "an endpoint, p95 ms": quantile(sorted, 0.95),
    },
  };
}

async function benchTraffic(ingresses: Ingresses, started: readonly Peer[]): Promise<void> {
  const [upstream, nginx, one, two] = started.map((it) => it.pid);
  const haproxy = await ingresses.pid();
  const at = (port: number): string => `http://127.0.0.1:${port}/some/path`;
  const ways = [
    { name: "direct", url: at(upstreams[0] ?? 0), pid: upstream ?? 0 },
    { name: "ingress (HAProxy)", url: at(ports.haproxy.http), pid: haproxy },
    { name: "nginx", url: at(ports.nginx.http), pid: nginx ?? 0 },
    { name: "Node handler, 1 process", url: at(ports.handler.one), pid: one ?? 0 },
    { name: "Node handler, 2 processes", url: at(ports.handler.two), pid: two ?? 0 },
  ];
  const proxies = ways.filter((it) => it.name.includes("nginx") || it.name.includes("HAProxy"));
  printTable(`Requests of ${clients} clients, connections kept, 1 KB`, await measure(ways, []));
  printTable("A connection for each", await measure(proxies, ["Connection: close"]));
  const secure = proxies.map((it) => ({
    ...it,
    url: `https://127.0.0.1:${it.name === "nginx" ? ports.nginx.https : ports.haproxy.https}/some/path`,
  }));
  printTable("Over TLS, connections kept", await measure(secure, []));
}

export async function benchIngress(): Promise<void> {
  const missing = needed.filter((it) => !existsSync(it));
  if (missing.length > 0) {
    console.log(`ingress: needs ${missing.join(", ")}`);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  const now = Date.now();
  const authority = await makeAuthority("bench", 86_400_000, now);
  const usages = ["server auth"] as const;
  const profile = { commonName: "bench", organizations: [], hosts: ["bench.test"], usages };
  const pair = await issuePair(authority, { ...profile, lifetimeMs: 86_400_000 }, now);
  const pem = `${pair.certificate}${pair.key}`;
  writeFileSync(join(directory, "peer.pem"), pem, { mode: 0o600 });
  const nginx = startProxyNginx(directory, { ...ports.nginx, upstreams });
  const started = [
    startUpstream(directory, upstreams),
    nginx,
    startHandler(ports.handler.one, 1, upstreams),
    startHandler(ports.handler.two, 2, upstreams),
  ];
  const ingresses = await Ingresses.open(join(directory, "ingress"), pem);
  try {
    const all = [...upstreams, ports.nginx.http, ports.handler.one, ports.handler.two];
    for (const port of all) await listening(port);
    await ingresses.start(plan(1, endpoints));
    await benchTraffic(ingresses, started);
    const url = (port: number): string => `http://127.0.0.1:${port}/`;
    printTable(`${reloads} reloads under load`, [
      await benchReload("ingress (HAProxy)", url(ports.haproxy.http), async () => {
        await ingresses.start(plan(1, endpoints));
      }),
      await benchReload("nginx", url(ports.nginx.http), async () => {
        nginx.reload?.();
        await Promise.resolve();
      }),
    ]);
    const rows: Row[] = [];
    for (const count of [1, 100, 1_000]) rows.push(await benchChanges(ingresses, count));
    printTable("Changes", rows);
  } finally {
    await ingresses.stop();
    for (const it of started) it.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
