import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { nodeNames } from "#main/network/node-names.ts";
import type { BenchCgroup } from "./bench-cgroup.ts";
import { cpuSecondsOf, cpuSecondsWithChildren, processesWith } from "./process-cost.ts";
import type { Row } from "./report.ts";

/** Seconds of processor time since the start, by whom they were used. */
interface Spent {
  /** API server, scheduler, controllers and kubelet: one process. */
  readonly gantry: number;
  readonly containerd: number;
  /** Shims, runc and network plugins: what is in the group besides. */
  readonly runtime: number;
  /** The containers' own programs. */
  readonly containers: number;
  /** The workflow scheduler with its workers. */
  readonly workflows: number;
  /** Of all processors of the machine, whoever used them. */
  readonly busy: number;
  readonly idle: number;
}

const ticksPerSecond = 100;

/** Who uses the processors while pods of one instance run. */
export class PodCosts {
  readonly #directory: string;
  readonly #cgroup: BenchCgroup;

  /** @param cgroup in which the instance was started. */
  constructor(directory: string, cgroup: BenchCgroup) {
    this.#directory = directory;
    this.#cgroup = cgroup;
  }

  /**
   * Measures `act`, which runs `count` pods.
   * @param pids of the workflow scheduler and its workers.
   */
  async row(
    name: string,
    count: number,
    act: () => Promise<Readonly<Record<string, number>>>,
    pids: () => readonly number[] = () => [],
  ): Promise<Row> {
    const before = await this.#spent(pids());
    const since = performance.now();
    const found = await act();
    const ms = performance.now() - since;
    const after = await this.#spent(pids());
    // A daemon that has ended meanwhile is no longer found, but the group goes on counting it.
    const ended = after.gantry < before.gantry ? before.gantry : 0;
    const lost = { gantry: ended, runtime: -ended };
    const each = (part: Exclude<keyof Spent, "busy" | "idle">): number => {
      const more = part === "gantry" || part === "runtime" ? lost[part] : 0;
      return ((after[part] - before[part] + more) / count) * 1_000;
    };
    const busy = after.busy - before.busy;
    return {
      name,
      figures: {
        s: ms / 1_000,
        "per s": (count / ms) * 1_000,
        ...found,
        "CPU ms each: workflows": each("workflows"),
        gantry: each("gantry"),
        containerd: each("containerd"),
        "shims, runc": each("runtime"),
        containers: each("containers"),
        "machine busy %": (busy / (busy + after.idle - before.idle)) * 100,
      },
    };
  }

  async #spent(pids: readonly number[]): Promise<Spent> {
    const node = join(this.#directory, "node");
    const inGroup = await this.#cgroup.cpuSeconds();
    const gantry = sum(processesWith(`daemon --data-dir ${this.#directory}`), cpuSecondsOf);
    const containerd = sum(processesWith(join(node, "containerd.toml")), cpuSecondsOf);
    return {
      gantry,
      containerd,
      runtime: inGroup - gantry - containerd,
      containers: await this.#cgroup.cpuSeconds(nodeNames(node).cgroupParent),
      workflows: pids.map(cpuSecondsWithChildren).reduce((all, it) => all + it, 0),
      ...machineSeconds(),
    };
  }
}

function sum(processes: readonly { readonly pid: number }[], of: (pid: number) => number): number {
  return processes.map((it) => of(it.pid)).reduce((all, it) => all + it, 0);
}

/** Of the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. */
function machineSeconds(): { readonly busy: number; readonly idle: number } {
  const [line = ""] = readFileSync("/proc/stat", "latin1").split("\n");
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  const all = fields.reduce((total, it) => total + it, 0);
  return { busy: (all - idle) / ticksPerSecond, idle: idle / ticksPerSecond };
}
