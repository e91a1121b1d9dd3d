import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "#api/gen/types.ts";
import { pods, serviceAccounts } from "#client/kinds.ts";
import { Admin, bundled, runGantry } from "./gantry-command.ts";
import { cpuSecondsOf, processesWith, residentBytesOf } from "./process-cost.ts";
import { median, printTable, type Row } from "./report.ts";

/*
 * `./gantry up` as a user runs it, launcher included: to the API server, to the node ready, to the
 * first pod Running; again on existing data; and what the idle system takes. With containers only
 * where root is to be had and no other Gantry runs, since a machine has one network of pods.
 */

const rounds = 3;
const idleMs = 10_000;
const signal = new AbortController().signal;

type Runtime = "containerd" | "simulated";

/** Milliseconds from the command to the API server, and to the node ready. */
async function up(directory: string, runtime: Runtime): Promise<{ served: number; ready: number }> {
  const since = performance.now();
  let [served, ready] = [0, 0];
  const args = ["up", "--data-dir", directory, "--runtime", runtime, "--port", "0"];
  await runGantry([...args, "--host", "127.0.0.1"], (line) => {
    if (line.includes("API server on")) served = performance.now() - since;
    if (line.includes("is ready")) ready = performance.now() - since;
  });
  return { served, ready };
}

/** Milliseconds from the pod's create to Running. */
async function firstPod(directory: string): Promise<number> {
  await using admin = await Admin.of(directory);
  const { client } = admin;
  const pod: Pod = {
    metadata: { name: "first", namespace: "default" },
    spec: {
      containers: [
        {
          name: "main",
          image: "docker.io/library/busybox:latest",
          command: ["sleep", "3600"],
        },
      ],
    },
  };
  const since = performance.now();
  const accounts = { fieldSelector: "metadata.name=default" };
  for await (const batch of client.watch(
    serviceAccounts,
    { namespace: "default", ...accounts },
    signal,
  )) {
    if (batch.length > 0) break; // The controllers made it; pods are refused before.
  }
  const made = await client.create(pods, pod, {}, signal);
  const from = { namespace: "default", resourceVersion: made.metadata?.resourceVersion };
  for await (const batch of client.watch(pods, from, signal)) {
    if (batch.some((it) => it.object.status?.phase === "Running")) break;
  }
  return performance.now() - since;
}

/** Memory and CPU of the processes that belong to the data directory, by what they are. */
async function idle(directory: string): Promise<Row[]> {
  await delay(2_000); // Past what starting leaves behind.
  const found = processesWith(directory);
  const before = found.map((it) => cpuSecondsOf(it.pid));
  await delay(idleMs);
  const kinds = new Map<string, { count: number; bytes: number; cpu: number }>();
  for (const [at, { pid, command }] of found.entries()) {
    const kind = command.includes("containerd-shim")
      ? "shims"
      : command.includes("daemon")
        ? "daemon"
        : "containerd";
    const sum = kinds.get(kind) ?? { count: 0, bytes: 0, cpu: 0 };
    sum.count += 1;
    sum.bytes += residentBytesOf(pid);
    sum.cpu += cpuSecondsOf(pid) - (before[at] ?? 0);
    kinds.set(kind, sum);
  }
  return [...kinds].map(([kind, { count, bytes, cpu }]) => ({
    name: `idle: ${kind}`,
    figures: {
      processes: String(count),
      "RSS MB": bytes / 1e6,
      "CPU % of a core": (cpu / (idleMs / 1_000)) * 100,
    },
  }));
}

async function benchRuntime(runtime: Runtime): Promise<void> {
  const first: { served: number; ready: number }[] = [];
  const again: { served: number; ready: number }[] = [];
  const running: number[] = [];
  let resting: Row[] = [];
  for (let round = 0; round < rounds; round++) {
    const directory = mkdtempSync(join(tmpdir(), "gantry-bench-"));
    try {
      first.push(await up(directory, runtime));
      if (runtime === "containerd") {
        await runGantry(["image", "seed", "--data-dir", directory]);
      }
      running.push(await firstPod(directory));
      if (round === 0) resting = await idle(directory);
      await runGantry(["down", "--data-dir", directory]);
      again.push(await up(directory, runtime));
    } finally {
      await runGantry(["reset", "--data-dir", directory]);
      rmSync(directory, { recursive: true, force: true });
    }
  }
  function row(name: string, times: typeof first): Row {
    const served = median(times.map((it) => it.served));
    const ready = median(times.map((it) => it.ready));
    return { name, figures: { "API server ms": served, "node ready ms": ready } };
  }
  printTable(`start, runtime ${runtime}: median of ${rounds} rounds`, [
    row("up, nothing there yet", first),
    row("up, data there", again),
    { name: "first pod, create to Running", figures: { ms: median(running) } },
  ]);
  printTable(`idle, runtime ${runtime}, one pod`, resting);
}

export async function benchStart(): Promise<void> {
  await bundled();
  await benchRuntime("simulated");
  const others = processesWith("gantry.js daemon");
  if (process.getuid?.() !== 0) console.log("\nstart with containers is left out: needs root");
  else if (others.length > 0) {
    console.log(
      `\nstart with containers is left out: Gantry runs already (${others[0]?.pid ?? 0})`,
    );
  } else await benchRuntime("containerd");
}
