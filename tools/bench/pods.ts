import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Pod } from "#api/gen/types.ts";
import type { Client } from "#client/client.ts";
import { pods, serviceAccounts } from "#client/kinds.ts";
import { nameOf } from "#client/object-key.ts";
import { busyboxImageName } from "#cri/images/seed.ts";
import { BenchCgroup } from "./bench-cgroup.ts";
import { CriPods, type CriPod } from "./cri-pods.ts";
import { Admin, bundled, runGantry } from "./gantry-command.ts";
import { cpuSecondsOf, processesWith } from "./process-cost.ts";
import { medians, printTable, quantile, type Row } from "./report.ts";

/*
 * Pods of one busybox container: 1, 10 and 50 made at once and deleted at once, by the API; then as many
 * sandboxes and containers directly over CRI at the same containerd, which is what no kubelet can do
 * without. Processor time is that of the system's processes, containerd, its shims and runc included.
 */

const counts = [1, 10, 50];
const roundsOf = (count: number): number => ({ 1: 5, 10: 2 })[count] ?? 1;
const signal = AbortSignal.timeout(600_000);
/** Ends at once when it is asked to: `sleep` as process 1 would not. */
const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];

/** Milliseconds, and processor seconds. */
type Figures = Record<
  "startP50" | "startLast" | "stopP50" | "stopLast" | "startCpu" | "stopCpu" | "ownCpu",
  number
>;

function podOf(name: string): Pod {
  return {
    metadata: { name, namespace: "default" },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: "main", image: busyboxImageName, command: [...command] }],
    },
  };
}

/** Does something for each, all at once, and says when each was done; ascending milliseconds. */
async function timed(count: number, act: (index: number) => Promise<void>): Promise<number[]> {
  const since = performance.now();
  const all = Array.from({ length: count }, async (_, index) => {
    await act(index);
    return performance.now() - since;
  });
  return (await Promise.all(all)).sort((a, b) => a - b);
}

/** Resolves for each pod as it is seen in a state. */
class Sightings {
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  see(name: string, state: "running" | "gone"): void {
    const key = `${name} ${state}`;
    this.#seen.add(key);
    this.#waiting.get(key)?.();
  }

  async of(name: string, state: "running" | "gone"): Promise<void> {
    const key = `${name} ${state}`;
    if (this.#seen.has(key)) return;
    await new Promise<void>((resolve) => this.#waiting.set(key, resolve));
  }
}

async function follow(client: Client, sightings: Sightings, stop: AbortSignal): Promise<void> {
  for await (const batch of client.watch(pods, { namespace: "default" }, stop)) {
    for (const { type, object } of batch) {
      if (type === "DELETED") sightings.see(nameOf(object), "gone");
      else if (type !== "BOOKMARK" && object.status?.phase === "Running") {
        sightings.see(nameOf(object), "running");
      }
    }
  }
}

/** What a round does, and what it is measured by. */
interface Way {
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  /** Of everything, and of our own process. */
  cpu(): Promise<{ readonly all: number; readonly own: number }>;
}

async function measure(way: Way, title: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of counts) {
    const runs: Figures[] = [];
    for (let round = 0; round < roundsOf(count); round++) {
      const name = (index: number): string => `bench-${count}-${round}-${index}`;
      const before = await way.cpu();
      const started = await timed(count, (index) => way.start(name(index)));
      const between = await way.cpu();
      const stopped = await timed(count, (index) => way.stop(name(index)));
      const after = await way.cpu();
      runs.push({
        startP50: quantile(started, 0.5),
        startLast: started.at(-1) ?? 0,
        stopP50: quantile(stopped, 0.5),
        stopLast: stopped.at(-1) ?? 0,
        startCpu: ((between.all - before.all) / count) * 1e3,
        stopCpu: ((after.all - between.all) / count) * 1e3,
        ownCpu: ((after.own - before.own) / count) * 1e3,
      });
    }
    const found = medians(runs);
    rows.push({
      name: `${title}, ${count} at once`,
      figures: {
        "start p50 ms": found.startP50,
        "all started ms": found.startLast,
        "stop p50 ms": found.stopP50,
        "all stopped ms": found.stopLast,
        "CPU ms start": found.startCpu,
        "CPU ms stop": found.stopCpu,
        "of it our process": found.ownCpu,
      },
    });
  }
  return rows;
}

async function byApi(directory: string, cgroup: BenchCgroup): Promise<Row[]> {
  await using admin = await Admin.of(directory);
  const { client } = admin;
  for await (const batch of client.watch(serviceAccounts, { namespace: "default" }, signal)) {
    if (batch.some((it) => nameOf(it.object) === "default")) break; // Pods are refused before.
  }
  const [daemon] = processesWith(`daemon ${directory}`).concat(processesWith(directory));
  const sightings = new Sightings();
  const over = new AbortController();
  const following = follow(client, sightings, over.signal).catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  const way: Way = {
    async start(name) {
      await client.create(pods, podOf(name), {}, signal);
      await sightings.of(name, "running");
    },
    async stop(name) {
      await client.delete(pods, { namespace: "default", name }, {}, signal);
      await sightings.of(name, "gone");
    },
    async cpu() {
      return { all: await cgroup.cpuSeconds(), own: cpuSecondsOf(daemon?.pid ?? 0) };
    },
  };
  const rows = await measure(way, "gantry");
  over.abort(new Error("measured"));
  await following;
  return rows;
}

/** As a kubelet without anything of its own would do it. */
async function byCri(directory: string, cgroup: BenchCgroup): Promise<Row[]> {
  using node = new CriPods(directory);
  const made = new Map<string, CriPod>();
  const way: Way = {
    async start(name) {
      made.set(name, await node.start(command, signal));
    },
    async stop(name) {
      const pod = made.get(name);
      if (pod !== undefined) await node.remove(pod, signal);
    },
    async cpu() {
      return { all: await cgroup.cpuSeconds(), own: 0 };
    },
  };
  return await measure(way, "CRI alone");
}

export async function benchPods(): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.log("\npods are left out: needs root");
    return;
  }
  await bundled();
  const directory = mkdtempSync(join(tmpdir(), "gantry-bench-"));
  await using cgroup = await BenchCgroup.make();
  try {
    await runGantry(["image", "seed", "--data-dir", directory]);
    await cgroup.around(async () => {
      const args = ["up", "--data-dir", directory, "--host", "127.0.0.1", "--port", "0"];
      await runGantry([...args, "--registry-port", "0"]);
    });
    const rows = await byApi(directory, cgroup);
    await runGantry(["down", "--data-dir", directory]); // containerd goes on.
    rows.push(...(await byCri(directory, cgroup)));
    printTable("pods with one container, median of 5, 2 and 1 rounds", rows);
  } finally {
    await runGantry(["reset", "--data-dir", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}
