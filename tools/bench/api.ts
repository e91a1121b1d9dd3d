import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { medians, printTable, type Row } from "./report.ts";
import { BenchServer } from "./server.ts";

/*
 * The API server over HTTP/2 and TLS: client certificate, RBAC (the user is no administrator),
 * admission, defaults, validation and field ownership on, LMDB durable. Server and load are two
 * processes; CPU is the server's, all its threads. Hot path of a create: TLS, frames -> user from
 * the connection -> rules of RBAC -> parse, default, validate, own -> store (see `store.ts`) ->
 * cache and watchers -> answer. Of GET and LIST: no parsing; bytes go from the cache to the socket.
 */

const rounds = 3;
const podsMax = 50_000;

async function creates(server: BenchServer, inFlight: number, count: number): Promise<Row> {
  const runs: Record<string, number>[] = [];
  for (let round = 0; round < rounds; round++) {
    const { result, cpuMicros } = await server.run({ kind: "createPods", inFlight, count });
    runs.push({ ...result, cpu: cpuMicros / count });
  }
  return requestRow(`create pod, ${inFlight} in flight`, runs);
}

async function gets(server: BenchServer, inFlight: number, count: number): Promise<Row> {
  const runs: Record<string, number>[] = [];
  for (let round = 0; round < rounds; round++) {
    const { result, cpuMicros } = await server.run({ kind: "get", inFlight, count });
    runs.push({ ...result, cpu: cpuMicros / count });
  }
  return requestRow(`GET pod, ${inFlight} in flight`, runs);
}

function requestRow(name: string, runs: readonly Record<string, number>[]): Row {
  const found = medians(runs);
  return {
    name,
    figures: {
      "per second": found["perSecond"] ?? 0,
      "p50 ms": found["p50"] ?? 0,
      "p99 ms": found["p99"] ?? 0,
      "CPU µs": found["cpu"] ?? 0,
      failed: found["failed"] ?? 0,
    },
  };
}

async function lists(server: BenchServer): Promise<Row[]> {
  const all = "/api/v1/namespaces/default/pods";
  const cases = [
    { name: "LIST 500", path: `${all}?limit=500`, count: 20, objects: 500 },
    { name: "LIST 5,000", path: `${all}?limit=5000`, count: 8, objects: 5_000 },
    { name: "LIST 50,000", path: all, count: 4, objects: podsMax },
    {
      name: "LIST label, 1 of 200",
      path: `${all}?labelSelector=app%3Dapp-7`,
      count: 20,
      objects: 250,
    },
    {
      name: "LIST spec.nodeName",
      path: `${all}?fieldSelector=spec.nodeName%3Dnode-7`,
      count: 20,
      objects: 50,
    },
  ];
  const rows: Row[] = [];
  for (const { name, path, count, objects } of cases) {
    const runs: Record<string, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      const { result, cpuMicros, turnMs } = await server.run({ kind: "list", path, count });
      runs.push({ ...result, cpu: cpuMicros / count, turnMs });
    }
    const found = medians(runs);
    rows.push({
      name,
      figures: {
        "p50 ms": found["p50"] ?? 0,
        "first byte ms": found["firstByte"] ?? 0,
        MB: (found["bytes"] ?? 0) / 1e6,
        "CPU ms": (found["cpu"] ?? 0) / 1e3,
        "CPU µs/object": (found["cpu"] ?? 0) / objects,
        "longest turn ms": found["turnMs"] ?? 0,
      },
    });
  }
  return rows;
}

async function besideLists(server: BenchServer): Promise<Row> {
  const path = "/api/v1/namespaces/default/pods";
  const loops = [1, 2].map(() => server.start({ kind: "list", path, count: 0 }));
  for (const loop of loops) {
    await loop.ready;
    loop.go();
  }
  const runs: Record<string, number>[] = [];
  for (let round = 0; round < rounds; round++) {
    const { result, turnMs } = await server.run({ kind: "get", inFlight: 1, count: 400 });
    runs.push({ ...result, turnMs });
  }
  for (const loop of loops) await loop.kill();
  const found = medians(runs);
  return {
    name: "GET beside two looping LISTs of 50,000",
    figures: {
      "p50 ms": found["p50"] ?? 0,
      "p99 ms": found["p99"] ?? 0,
      "longest turn ms": found["turnMs"] ?? 0,
    },
  };
}

async function watches(server: BenchServer, watchers: number, perSecond: number): Promise<Row> {
  const seconds = 4;
  const runs: Record<string, number>[] = [];
  for (let round = 0; round < rounds; round++) {
    const { revision = 0 } = await server.tell({ do: "revision" });
    const events = perSecond * seconds;
    const load = server.start({ kind: "watch", watchers, revision, events, seconds: seconds * 3 });
    await load.ready;
    const before = await server.usage();
    load.go();
    await server.tell({ do: "touch", count: perSecond, seconds });
    const result = await load.result;
    const after = await server.usage();
    const delivered = result["events"] ?? 0;
    const cpu = (after.cpuMicros - before.cpuMicros) / delivered;
    runs.push({ ...result, cpu, share: (delivered / (events * watchers)) * 100, rss: after.rss });
  }
  const found = medians(runs);
  return {
    name: `${watchers} watchers, ${perSecond} events/s`,
    figures: {
      "delivered %": found["share"] ?? 0,
      "deliveries/s": found["perSecond"] ?? 0,
      "lag p50 ms": found["lagP50"] ?? 0,
      "lag p99 ms": found["lagP99"] ?? 0,
      "CPU µs/delivery": found["cpu"] ?? 0,
      "RSS MB": (found["rss"] ?? 0) / 1e6,
      ended: found["ended"] ?? 0,
    },
  };
}

async function memory(server: BenchServer, emptyOwn: number, bytes: number): Promise<Row> {
  await server.tell({ do: "collect" });
  const { rss, mapped, heapUsed, arrayBuffers } = await server.usage();
  const more = rss - mapped - emptyOwn;
  return {
    name: `${podsMax} pods`,
    figures: {
      "RSS MB": rss / 1e6,
      "mapped files MB": mapped / 1e6,
      "own, above empty MB": more / 1e6,
      "bytes/object": more / podsMax,
      "x JSON": more / bytes,
      "heap MB": heapUsed / 1e6,
      "buffers MB": arrayBuffers / 1e6,
    },
  };
}

/** A folder of its own for `use`, removed afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function benchApi(): Promise<void> {
  let emptyOwn = 0;
  await inFolder(async (folder) => {
    await using server = await BenchServer.start(folder);
    await server.tell({ do: "collect" });
    const { rss, mapped } = await server.usage();
    emptyOwn = rss - mapped;
    await server.run({ kind: "createPods", inFlight: 64, count: 4_000 }); // Warm.
    const rows = [await creates(server, 1, 400), await creates(server, 64, 8_000)];
    printTable(`API server: durable creates, median of ${rounds} rounds`, rows);
  });
  await inFolder(async (folder) => {
    {
      await using filling = await BenchServer.start(folder, podsMax);
      await filling.usage();
    }
    await using server = await BenchServer.start(folder);
    const path = "/api/v1/namespaces/default/pods";
    const { bytes = 1 } = (await server.run({ kind: "list", path, count: 1 })).result;
    const opened = { name: "opened with 50,000 pods", figures: { ms: server.openMs } };
    printTable("API server: start on existing data", [opened]);
    printTable("API server: memory", [await memory(server, emptyOwn, bytes)]);
    await server.run({ kind: "get", inFlight: 32, count: 10_000 }); // Warm.
    printTable("API server: GET of 3 KB", [
      await gets(server, 1, 1_500),
      await gets(server, 32, 15_000),
    ]);
    printTable("API server: LIST of 3 KB pods", await lists(server));
    printTable("API server: isolation", [await besideLists(server)]);
    const rows = [await watches(server, 100, 1_000), await watches(server, 1_000, 200)];
    printTable("API server: watch, 3 KB events, every watcher gets every event", rows);
  });
}
