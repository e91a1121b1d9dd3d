import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { inFolder } from "./api.ts";
import {
  coreDnsProgram,
  startCoreDns,
  startDnsmasq,
  startOthers,
  startOurs,
  type DnsPeer,
  type Host,
} from "./dns-peers.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-cost.ts";
import { median, printTable, quantile, type Row } from "./report.ts";
import { sampleService } from "./sample-service.ts";
import { BenchServer } from "./server.ts";

/*
 * The cluster's DNS over UDP on loopback, beside CoreDNS on the same API server and dnsmasq with the
 * same names in a file: as many questions as it answers, and, at a rate that all of them bear, how
 * long an answer takes. Needs dnsmasq and dnsperf of Debian; CoreDNS is found where `go install`
 * puts it, or by the variable COREDNS.
 */

const serviceCount = 1_000;
const rounds = 3;
const seconds = 2;
/** Questions a second, for latency. */
const steadyRate = 2_000;
const dnsperf = "/usr/bin/dnsperf";
const ports = { others: 21_901, coreDns: 21_902, dnsmasq: 21_903 };

/** Questions in dnsperf's form, by what they are about. */
function questions(): Readonly<Record<string, readonly string[]>> {
  const each = Array.from({ length: serviceCount }, (_, i) => i);
  const domain = "svc.cluster.local";
  const search = [`default.${domain}`, domain, "cluster.local", ""];
  return {
    "a service's address": each.map((i) => `service-${i}.default.${domain} A`),
    "a name that is not there": each.map((i) => `nothing-${i}.default.${domain} A`),
    // What a resolver with ndots:5 asks for a name outside, for both families.
    "search path, name outside": each.flatMap((i) =>
      search.flatMap((suffix) => {
        const name = [`www-${i % 20}.example.com`, suffix].filter((it) => it !== "").join(".");
        return [`${name} A`, `${name} AAAA`];
      }),
    ),
  };
}

interface Run {
  readonly rate: number;
  readonly lost: number;
  readonly latencies: readonly number[];
}

async function ask(peer: DnsPeer, file: string, rest: readonly string[]): Promise<Run> {
  const args = ["-s", "127.0.0.1", "-p", String(peer.port), "-d", file, "-l", String(seconds)];
  const all = [...args, "-c", "8", "-T", "1", "-q", "64", ...rest];
  const { stdout } = await promisify(execFile)(dnsperf, all, { maxBuffer: 2 ** 28 });
  const figure = (label: string): number =>
    Number(new RegExp(`${label}:\\s+([\\d.]+)`).exec(stdout)?.[1] ?? 0);
  const latencies = [...stdout.matchAll(/^> \S+ .* ([\d.]+)$/gm)].map(([, it]) => Number(it) * 1e3);
  return {
    rate: figure("Queries per second"),
    lost: figure("Queries lost"),
    latencies: latencies.sort((a, b) => a - b),
  };
}

/** Figures of each round. */
type Seen = Readonly<Record<"rate" | "cpu" | "p50" | "p99" | "lost", number[]>>;

async function measure(peers: readonly DnsPeer[], name: string, file: string): Promise<Row[]> {
  const seen = peers.map((): Seen => ({ rate: [], cpu: [], p50: [], p99: [], lost: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const [at, peer] of peers.entries()) {
      const into = seen[at];
      const before = cpuSecondsOf(peer.pid);
      const full = await ask(peer, file, []);
      const cpu = cpuSecondsOf(peer.pid) - before;
      const steady = await ask(peer, file, ["-Q", String(steadyRate), "-v"]);
      into?.rate.push(full.rate);
      into?.cpu.push((cpu / (full.rate * seconds)) * 1e6);
      into?.p50.push(quantile(steady.latencies, 0.5));
      into?.p99.push(quantile(steady.latencies, 0.99));
      into?.lost.push(full.lost + steady.lost);
    }
  }
  return seen.map(({ rate, cpu, p50, p99, lost }, at) => ({
    name: `${name}: ${peers[at]?.name ?? ""}`,
    figures: {
      "questions/s": median(rate),
      "CPU µs": median(cpu),
      "p50 ms": median(p50),
      "p99 ms": median(p99),
      lost: median(lost),
    },
  }));
}

/** Until the peer knows the last of the services. @throws {Error} when it does not within 20 s. */
async function answering(peer: DnsPeer, [name, address]: Host): Promise<void> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${peer.port}`]);
  for (let tries = 0; tries < 100; tries++) {
    const found = await resolver.resolve4(name).catch((): string[] => []);
    if (found.includes(address)) return;
    await delay(200);
  }
  throw new Error(`${peer.name} does not know ${name}`);
}

async function compare(folder: string): Promise<void> {
  await using server = await BenchServer.start(folder);
  await server.tell({ do: "fillServices", count: serviceCount });
  const hosts = Array.from({ length: serviceCount }, (_, i): Host => {
    const { metadata, spec } = sampleService(i);
    return [`${metadata?.name ?? ""}.default.svc.cluster.local`, spec?.clusterIP ?? ""];
  });
  const place = { folder, apiPort: server.port, others: ports.others };
  const others = startOthers(ports.others);
  const peers: DnsPeer[] = [];
  try {
    peers.push(await startOurs(place), startDnsmasq(place, ports.dnsmasq, hosts));
    const program = coreDnsProgram();
    if (program === undefined) console.log("\nCoreDNS is left out: there is none");
    else peers.push(startCoreDns(program, place, ports.coreDns));
    for (const peer of peers) await answering(peer, hosts.at(-1) ?? ["", ""]);
    const rows: Row[] = [];
    for (const [name, lines] of Object.entries(questions())) {
      const file = join(folder, "questions");
      writeFileSync(file, `${lines.join("\n")}\n`);
      rows.push(...(await measure(peers, name, file)));
    }
    const title = `${serviceCount} services, latency at ${steadyRate} questions/s`;
    printTable(`DNS over UDP: ${title}, median of ${rounds} rounds`, rows);
    printTable(
      "memory afterwards",
      peers.map(({ name, pid }) => ({ name, figures: { "RSS MB": residentBytesOf(pid) / 1e6 } })),
    );
  } finally {
    for (const peer of [others, ...peers]) await peer.stop();
  }
}

export async function benchDns(): Promise<void> {
  const missing = ["/usr/sbin/dnsmasq", dnsperf].filter((it) => !existsSync(it));
  if (missing.length > 0) {
    console.log(`\nDNS is left out: needs ${missing.join(", ")}`);
    return;
  }
  await inFolder(compare);
}
