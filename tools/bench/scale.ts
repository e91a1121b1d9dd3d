import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { Node, Pod } from "#api/gen/types.ts";
import type { Client } from "#client/client.ts";
import { Informers } from "#client/informers.ts";
import { nodes, pods } from "#client/kinds.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { Admin, bundle, bundled } from "./gantry-command.ts";
import { cpuSecondsOf, residentBytesOf } from "./process-cost.ts";
import { printTable, type Row } from "./report.ts";

/*
 * 5,000 nodes that join, 10,000 pods created, scheduled and run on them, and deleted: the limits of
 * KWOK's own benchmark are 60, 60 and 90 s, for nodes and pods whose state one program writes. Here
 * `gantry server` is a process as users run it (API server, scheduler, all controllers, durable
 * store); the nodes are another, each with a node agent of its own on simulated containers.
 */

const inFlight = 64;
/** Of the whole; who needs longer has no figure. */
const longestMs = 1_800_000;
const signal = AbortSignal.timeout(longestMs);

/** What is waited for of a kind. */
interface Goal<T extends KubernetesObject> {
  /** Which objects count. */
  readonly keep: (object: T) => boolean;
  readonly done: (count: number) => boolean;
  /** Called when all objects there are have been counted. */
  readonly listed?: () => void;
}

/** Follows a kind until `done`, whatever happens to connections. */
async function until<T extends KubernetesObject>(
  client: Client,
  resource: ResourceOf<T>,
  { keep, done, listed }: Goal<T>,
): Promise<void> {
  const world = { client, clock: systemClock, random: systemRandom, log: silentLogger };
  await using informers = new Informers({ ...world, freeze: false });
  const informer = informers.of(resource);
  const kept = new Set<string>();
  informer.subscribe(({ key, current }) => {
    if (current !== undefined && keep(current)) kept.add(key);
    else kept.delete(key);
  });
  await informer.synced(signal);
  listed?.();
  await informer.until(() => done(kept.size), signal);
}

function isReady({ status, spec }: Node): boolean {
  const ready = status?.conditions?.find((it) => it.type === "Ready");
  // With the taint of a new node on it no pod would come.
  return ready?.status === "True" && (spec?.taints ?? []).length === 0;
}

function podOf(i: number): Pod {
  return {
    metadata: { name: `pod-${i}`, namespace: "default", labels: { app: `app-${i % 100}` } },
    spec: {
      containers: [
        {
          name: "main",
          image: "docker.io/library/busybox:latest",
          command: ["sleep", "infinity"],
          resources: { requests: { cpu: "100m", memory: "128Mi" } },
        },
      ],
    },
  };
}

async function forAll(podCount: number, act: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < podCount) await act(next++);
    }),
  );
}

/** How many, and what they run against. */
interface Scale {
  readonly nodeCount: number;
  readonly podCount: number;
}

/** The processes whose cost counts. */
interface Processes {
  readonly server: ChildProcess;
  nodes?: ChildProcess;
}

/** How long it takes, and what it costs. */
async function timed(name: string, of: Processes, act: () => Promise<void>): Promise<Row> {
  const serverPid = of.server.pid ?? 0;
  const before = cpuSecondsOf(serverPid);
  const nodesBefore = of.nodes?.pid === undefined ? 0 : cpuSecondsOf(of.nodes.pid);
  const since = performance.now();
  await act();
  return {
    name,
    figures: {
      seconds: (performance.now() - since) / 1_000,
      "CPU s of the server": cpuSecondsOf(serverPid) - before,
      "CPU s of all nodes": cpuSecondsOf(of.nodes?.pid ?? 0) - nodesBefore,
      "RSS MB of the server": residentBytesOf(serverPid) / 1e6,
      "RSS MB of all nodes": residentBytesOf(of.nodes?.pid ?? 0) / 1e6,
    },
  };
}

async function startServer(directory: string): Promise<ChildProcess> {
  const args = ["server", "--data-dir", directory, "--host", "127.0.0.1", "--port", "0"];
  const child = spawn(process.execPath, [bundle, ...args, "--registry-port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (said.length < 2 ** 16) said += chunk.toString("utf8");
  });
  for (let tries = 0; tries < 300 && !said.includes("serving"); tries++) await delay(100);
  if (!said.includes("serving")) throw new Error(`gantry server does not serve:\n${said}`);
  return child;
}

/** Adds what it measures to `rows` as it goes: what comes later may take too long. */
async function steps(
  { nodeCount, podCount }: Scale,
  directory: string,
  of: Processes,
  rows: Row[],
): Promise<void> {
  await using admin = await Admin.of(directory);
  const { client } = admin;
  const joined = timed(`${nodeCount} nodes, until all are ready`, of, async () => {
    const program = join(import.meta.dirname, "scale-nodes.ts");
    of.nodes = spawn(process.execPath, [program, directory, String(nodeCount)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await until(client, nodes, { keep: isReady, done: (count) => count === nodeCount });
  });
  rows.push(await joined);
  const running = until(client, pods, {
    keep: (it) => it.status?.phase === "Running",
    done: (count) => count === podCount,
  });
  rows.push(
    await timed(`${podCount} pods, until all run`, of, async () => {
      await forAll(podCount, (i) => client.create(pods, podOf(i), {}, signal));
      await running;
    }),
  );
  const counted = Promise.withResolvers<true>();
  const gone = until(client, pods, {
    keep: () => true,
    done: (count) => count === 0,
    listed: () => {
      counted.resolve(true);
    },
  });
  await counted.promise;
  rows.push(
    await timed(`${podCount} pods deleted, until all are gone`, of, async () => {
      const at = (i: number) => ({ namespace: "default", name: `pod-${i}` });
      await forAll(podCount, (i) => client.delete(pods, at(i), {}, signal));
      await gone;
    }),
  );
}

/** @param scale the goal's by default; a fifth of it shows what a change brings. */
export async function benchScale(
  scale: Scale = { nodeCount: 5_000, podCount: 10_000 },
): Promise<void> {
  await bundled();
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  const of: Processes = { server: await startServer(directory) };
  const rows: Row[] = [];
  try {
    await steps(scale, directory, of, rows);
  } finally {
    printTable(`${scale.nodeCount} simulated nodes, each with a node agent`, rows);
    for (const child of [of.nodes, of.server]) {
      if (child === undefined) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  }
}
