import type { Pod } from "#api/gen/types.ts";
import { formatBinarySize, formatSize } from "#base/docker-format.ts";
import { idOf, nameOf } from "./find.ts";

/** One line of a node's `/metrics/cadvisor`. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Milliseconds since the epoch; 0 where the line does not say. */
  readonly timeMs: number;
}

/** Lines of other forms are left out. */
export function parseSamples(text: string): readonly Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value, time = "0"] =
      /^(\w+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
    return [
      {
        name,
        labels: Object.fromEntries(pairs.map(([, key = "", it = ""]) => [key, it])),
        value: Number(value),
        timeMs: Number(time),
      },
    ];
  });
}

/** What a container used up to a moment, and what it uses then. */
export interface Usage {
  readonly timeMs: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly processes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Of a container's pod; undefined when the node says nothing of it. */
export function usageOf(samples: readonly Sample[], pod: Pod): Usage | undefined {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  const container = pod.spec?.containers[0]?.name ?? "";
  const ofPod = samples.filter(
    ({ labels }) => labels["namespace"] === namespace && labels["pod"] === name,
  );
  const own = ofPod.filter(({ labels }) => labels["container"] === container);
  const sum = (from: readonly Sample[], metric: string): number =>
    from.filter((it) => it.name === metric).reduce((all, it) => all + it.value, 0);
  const cpu = own.find((it) => it.name === "container_cpu_usage_seconds_total");
  if (cpu === undefined) return undefined;
  // The network is the sandbox's.
  const network = ofPod.filter(({ labels }) => labels["interface"] !== "lo");
  const limit = sum(own, "container_spec_memory_limit_bytes");
  return {
    timeMs: cpu.timeMs,
    cpuSeconds: cpu.value,
    memoryBytes: sum(own, "container_memory_working_set_bytes"),
    memoryLimitBytes: limit > 0 ? limit : sum(samples, "machine_memory_bytes"),
    processes: sum(own, "container_threads"),
    receivedBytes: sum(network, "container_network_receive_bytes_total"),
    sentBytes: sum(network, "container_network_transmit_bytes_total"),
    readBytes: sum(own, "container_fs_reads_bytes_total"),
    writtenBytes: sum(own, "container_fs_writes_bytes_total"),
  };
}

export type StatsRow = Readonly<
  Record<
    "Container" | "ID" | "Name" | "CPUPerc" | "MemUsage" | "MemPerc" | "NetIO" | "BlockIO" | "PIDs",
    string
  >
>;

export const statsTitles = {
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
} as const;

const shortId = 12;

/** Docker's line of a container: `--` for what is not known. @param before undefined: no rate yet. */
export function statsRow(
  pod: Pod,
  { before, now }: { readonly before: Usage | undefined; readonly now: Usage | undefined },
  noTrunc: boolean,
): StatsRow {
  const id = noTrunc ? idOf(pod) : idOf(pod).slice(0, shortId);
  const head = { Container: id, ID: id, Name: nameOf(pod) };
  if (now === undefined) {
    const none = { CPUPerc: "--", MemPerc: "--", NetIO: "--", BlockIO: "--", PIDs: "--" };
    return { ...head, ...none, MemUsage: "-- / --" };
  }
  const ms = before === undefined ? 0 : now.timeMs - before.timeMs;
  const used = now.cpuSeconds - (before?.cpuSeconds ?? 0);
  const cpu = ms > 0 && used > 0 ? (used * 1_000 * 100) / ms : 0;
  const memory = now.memoryLimitBytes > 0 ? (now.memoryBytes * 100) / now.memoryLimitBytes : 0;
  return {
    ...head,
    CPUPerc: `${cpu.toFixed(2)}%`,
    MemUsage: `${formatBinarySize(now.memoryBytes)} / ${formatBinarySize(now.memoryLimitBytes)}`,
    MemPerc: `${memory.toFixed(2)}%`,
    NetIO: `${formatSize(now.receivedBytes)} / ${formatSize(now.sentBytes)}`,
    BlockIO: `${formatSize(now.readBytes)} / ${formatSize(now.writtenBytes)}`,
    PIDs: String(now.processes),
  };
}
