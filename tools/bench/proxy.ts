import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import type { EndpointSlice, Service } from "#api/gen/types.ts";
import { Ledger } from "#proxy/nft/ledger.ts";
import { renderChange, type TableText } from "#proxy/nft/render.ts";
import { baseRules } from "#proxy/services/base-rules.ts";
import { planService } from "#proxy/services/plan.ts";
import { median, printTable, type Row } from "./report.ts";

/*
 * The rules of services: what it takes to make and to change them, with 1,000 and 5,000 services of
 * ten endpoints each, and what a connection through them costs beside a direct one. In network
 * namespaces of its own; root only.
 */

const sizes = [1_000, 5_000];
const endpointsEach = 10;
const changes = 20;
const trafficSeconds = 3;
const trafficRounds = 3;
const table: TableText = { name: "bench", base: baseRules({ serviceRange: "10.96.0.0/12" }) };
const name = `gantry-bench-${process.pid}`;
const [router, client, server] = ["router", "client", "server"].map((it) => `${name}-${it}`);
const serverAddress = "10.244.0.2";

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", args);
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr.toString()}`);
}

function inside(namespace: string | undefined, ...args: readonly string[]): string[] {
  return [`--net=/run/netns/${namespace ?? ""}`, ...args];
}

/** Milliseconds. */
async function apply(script: string, directory: string): Promise<number> {
  const file = join(directory, "script");
  writeFileSync(file, script);
  const since = performance.now();
  await promisify(execFile)("nsenter", inside(router, "nft", "-f", file));
  return performance.now() - since;
}

function service(index: number): Service {
  const clusterIP = `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  return {
    metadata: { namespace: "bench", name: `service-${index}` },
    spec: { clusterIP, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function slice(index: number, first: number): EndpointSlice {
  const endpoints = Array.from({ length: endpointsEach }, (_, at) => {
    const number = index * 16 + first + at;
    const address = `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    return { addresses: [address], nodeName: `n${number % 100}`, conditions: { ready: true } };
  });
  return { addressType: "IPv4", endpoints, ports: [{ name: "", port: 8080, protocol: "TCP" }] };
}

class Bench {
  readonly #ledger = new Ledger();
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  put(index: number, of: EndpointSlice = slice(index, 0)): void {
    const node = { name: "n1", zone: "" };
    const input = { service: service(index), slices: [of], node, podRange: "10.128.0.0/9" };
    this.#ledger.put(`bench/service-${index}`, planService(input)?.fragment);
  }

  /** Plans by `put`, and applies. */
  async change(put: () => void): Promise<{ plan: number; nft: number; bytes: number }> {
    const since = performance.now();
    put();
    const change = this.#ledger.take();
    const script = change === undefined ? "" : renderChange(table, change);
    const plan = performance.now() - since;
    return { plan, nft: await apply(script, this.#directory), bytes: script.length };
  }
}

async function benchRules(size: number, directory: string): Promise<Row[]> {
  const bench = new Bench(directory);
  const whole = await bench.change(() => {
    for (let index = 1; index <= size; index++) bench.put(index);
  });
  const one: { plan: number; nft: number }[] = [];
  const added: { plan: number; nft: number }[] = [];
  for (let round = 1; round <= changes; round++) {
    one.push(
      await bench.change(() => {
        bench.put(round * 7, slice(round * 7, 1));
      }),
    );
    added.push(
      await bench.change(() => {
        bench.put(size + round);
      }),
    );
  }
  const hundred = await bench.change(() => {
    for (let index = 1; index <= 100; index++) bench.put(size + changes + index);
  });
  function row(what: string, list: readonly { plan: number; nft: number }[]): Row {
    const [plan, nft] = [list.map((it) => it.plan), list.map((it) => it.nft)].map((it) => it);
    const figures = { "plan ms": median(plan ?? []), "nft ms": median(nft ?? []) };
    return { name: `${size} services: ${what}`, figures };
  }
  const rows = [row("all, anew", [whole]), row("endpoints of one change", one)];
  rows.push(row("one more", added), row("100 more", [hundred]));
  return rows.map((it, at) =>
    at === 0 ? { ...it, figures: { ...it.figures, "text MB": whole.bytes / 1e6 } } : it,
  );
}

function makeNetwork(): void {
  for (const it of [router, client, server]) ip("netns", "add", it ?? "");
  for (const [at, host] of [client, server].entries()) {
    const device = `to${at + 1}`;
    const place = ["-n", router ?? ""];
    ip(
      ...place,
      "link",
      "add",
      device,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      host ?? "",
    );
    ip(...place, "address", "add", `10.244.${1 - at}.1/24`, "dev", device);
    ip(...place, "link", "set", device, "up");
    ip("-n", host ?? "", "address", "add", `10.244.${1 - at}.2/24`, "dev", "eth0");
    ip("-n", host ?? "", "link", "set", "eth0", "up");
    ip("-n", host ?? "", "route", "add", "default", "via", `10.244.${1 - at}.1`);
  }
  spawnSync("nsenter", inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1"));
}

async function ask(host: string, port: number, connections: string): Promise<number> {
  const program = join(import.meta.dirname, "proxy-traffic.ts");
  const args = [program, "ask", host, String(port), String(trafficSeconds), connections];
  const { stdout } = await promisify(execFile)(
    "nsenter",
    inside(client, process.execPath, ...args),
  );
  return Number(stdout) / trafficSeconds;
}

/** With the rules of the last size in place. */
async function benchTraffic(directory: string): Promise<Row[]> {
  const bench = new Bench(directory);
  await bench.change(() => {
    for (let index = 2; index <= (sizes.at(-1) ?? 0); index++) bench.put(index);
    bench.put(1, {
      addressType: "IPv4",
      endpoints: [{ addresses: [serverAddress], nodeName: "n2", conditions: { ready: true } }],
      ports: [{ name: "", port: 8080, protocol: "TCP" }],
    });
  });
  const program = join(import.meta.dirname, "proxy-traffic.ts");
  const serving = spawn("nsenter", inside(server, process.execPath, program, "serve"), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(serving.stdout, "data");
    const rows: Row[] = [];
    for (const connections of ["new", "kept"]) {
      const [direct, through]: [number[], number[]] = [[], []];
      // In turn, so that a busy machine slows both.
      for (let round = 0; round < trafficRounds; round++) {
        direct.push(await ask(serverAddress, 8080, connections));
        through.push(await ask("10.96.0.1", 80, connections));
      }
      const what = connections === "new" ? "a connection for each" : "connections kept";
      rows.push({
        name: `requests, ${what}`,
        figures: {
          "direct /s": median(direct),
          "cluster address /s": median(through),
          ratio: median(through) / median(direct),
        },
      });
    }
    return rows;
  } finally {
    serving.kill("SIGKILL");
  }
}

export async function benchProxy(): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.log("proxy: needs root");
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  try {
    makeNetwork();
    const rows: Row[] = [];
    for (const size of sizes) rows.push(...(await benchRules(size, directory)));
    printTable(`Rules of services, ${endpointsEach} endpoints each`, rows);
    printTable(`Through ${sizes.at(-1) ?? 0} services`, await benchTraffic(directory));
  } finally {
    for (const it of [router, client, server]) spawnSync("ip", ["netns", "delete", it ?? ""]);
    rmSync(directory, { recursive: true, force: true });
  }
}
