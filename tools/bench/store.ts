import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { systemClock } from "#base/clock.ts";
import { EtcdStore } from "#store/etcd/store.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import type { Store } from "#store/store.ts";
import { etcdMissing, EtcdProcess } from "#testing/etcd-process.ts";
import { EtcdWire } from "./etcd-wire.ts";
import { cpuSecondsOf } from "./process-cost.ts";
import { medians, printTable, quantile, type Row } from "./report.ts";

/*
 * Durable writes, 3.2 KB each, by 1 to 256 writers that each wait for their own. The hot path of
 * the embedded store: queue -> conditions and revisions of all that wait -> one LMDB transaction ->
 * its two flushes on another thread -> watchers and answers. Of etcd: client -> gRPC -> raft log,
 * flushed -> bbolt. Both write to the same disk, in turns.
 */

const valueBytes = 3_200;
const rounds = 3;
const loads = [
  { writers: 1, count: 400 },
  { writers: 16, count: 3_000 },
  { writers: 64, count: 8_000 },
  { writers: 256, count: 12_000 },
];
const never = new AbortController().signal;

/** Something that can be written to; `serverPid` where the work is done by another process. */
interface Target {
  readonly name: string;
  readonly write: (key: string, value: Uint8Array) => Promise<boolean>;
  readonly serverPid?: number;
}

type Figures = Record<"perSecond" | "p50" | "p99" | "ownMicros" | "serverMicros", number>;

let run = 0;

async function measure(target: Target, writers: number, count: number): Promise<Figures> {
  const value = Buffer.alloc(valueBytes, "x");
  const prefix = `/registry/core/pods/bench-${run++}/`;
  const times: number[] = [];
  let next = 0;
  async function writer(): Promise<void> {
    while (next < count) {
      const key = prefix + String(next++).padStart(8, "0");
      const since = performance.now();
      if (!(await target.write(key, value))) throw new Error(`${target.name} refused ${key}`);
      times.push(performance.now() - since);
    }
  }
  const own = process.cpuUsage();
  const server = target.serverPid === undefined ? 0 : cpuSecondsOf(target.serverPid);
  const since = performance.now();
  await Promise.all(Array.from({ length: writers }, writer));
  const elapsedMs = performance.now() - since;
  const used = process.cpuUsage(own);
  const serverUsed = target.serverPid === undefined ? 0 : cpuSecondsOf(target.serverPid) - server;
  times.sort((a, b) => a - b);
  return {
    perSecond: (count / elapsedMs) * 1_000,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    ownMicros: (used.user + used.system) / count,
    serverMicros: (serverUsed * 1e6) / count,
  };
}

function throughStore(name: string, store: Store, serverPid?: number): Target {
  return {
    name,
    async write(key, value) {
      const result = await store.write({ kind: "put", key, value, ifModRevision: 0 }, never);
      return result.kind === "ok";
    },
    ...(serverPid === undefined ? {} : { serverPid }),
  };
}

export async function benchStore(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-store-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const quotaBytes = 8 * 2 ** 30;
  const lmdb = stack.use(await LmdbStore.open({ directory, clock: systemClock, quotaBytes }));
  const targets = [throughStore("embedded (LMDB)", lmdb)];
  const missing = etcdMissing();
  if (missing === undefined) {
    const etcd = stack.use(await EtcdProcess.start());
    const wire = stack.use(await EtcdWire.open(etcd.endpoint));
    const put = wire.put.bind(wire);
    targets.push({ name: "etcd, lean client, Put", write: put, serverPid: etcd.pid });
    const options = { endpoints: [etcd.endpoint], clock: systemClock, onError: console.error };
    const client = stack.use(await EtcdStore.open(options, never));
    targets.push(throughStore("etcd, our client, Txn", client, etcd.pid));
  } else {
    console.log(`etcd is left out: ${missing}`);
  }
  for (const target of targets) await measure(target, 64, 3_000); // Warm.
  const rows: Row[] = [];
  for (const { writers, count } of loads) {
    const found = targets.map(() => [] as Figures[]);
    for (let round = 0; round < rounds; round++) {
      for (const [at, target] of targets.entries()) {
        found[at]?.push(await measure(target, writers, count));
      }
    }
    for (const [at, target] of targets.entries()) {
      const { perSecond, p50, p99, ownMicros, serverMicros } = medians(found[at] ?? []);
      rows.push({
        name: `${target.name}, ${writers} writers`,
        figures: {
          "writes/s": perSecond,
          "p50 ms": p50,
          "p99 ms": p99,
          "CPU µs, this process": ownMicros,
          "CPU µs, etcd": target.serverPid === undefined ? "" : serverMicros,
        },
      });
    }
  }
  printTable(`store: durable writes of ${valueBytes} bytes, median of ${rounds} rounds`, rows);
}
