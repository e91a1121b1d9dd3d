import type { Family, Labels, MetricType, Sample } from "#base/metrics/exposition.ts";
import type { CgroupStats } from "#cri/cgroup-stats.ts";
import type { MachineFacts } from "#kubelet/node/node-object.ts";

/** What a group is called: empty where it does not apply, as for the node's own and pods'. */
export interface GroupLabels {
  readonly container: string;
  /** Path of the control group. */
  readonly id: string;
  readonly image: string;
  /** Of the container or sandbox, by the runtime. */
  readonly name: string;
  readonly namespace: string;
  readonly pod: string;
}

/** Bytes and packets of one network interface since it was made. */
export interface InterfaceStats {
  readonly name: string;
  readonly receive: InterfaceCounts;
  readonly transmit: InterfaceCounts;
}

export interface InterfaceCounts {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

export interface FileSystemStats {
  readonly device: string;
  readonly sizeBytes: number;
  readonly usedBytes: number;
  /** 0 where inodes are made as they are needed. */
  readonly inodes: number;
  readonly inodesFree: number;
}

/** One group at one moment. */
export interface GroupReading {
  readonly labels: GroupLabels;
  readonly stats: CgroupStats;
  /** Undefined for what is not a container. */
  readonly startedAtMs: number | undefined;
  /** Empty for what has no network of its own. */
  readonly interfaces: readonly InterfaceStats[];
  readonly fileSystems: readonly FileSystemStats[];
}

type Value = readonly [more: Labels, value: number | undefined];

interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly values: (reading: GroupReading) => readonly Value[];
}

/**
 * The families of `/metrics/cadvisor`, under cAdvisor's names: `google/cadvisor metrics/prometheus.go`.
 * @param deviceName of a block device given as `8:0`.
 */
export function cadvisorFamilies(
  readings: readonly GroupReading[],
  at: {
    readonly nowMs: number;
    readonly machine: MachineFacts;
    readonly deviceName: (device: string) => string;
  },
): readonly Family[] {
  const named = readings.map((it) => ({ ...it, stats: withDeviceNames(it.stats, at.deviceName) }));
  const definitions = [...processorFamilies, ...memoryFamilies, ...otherFamilies];
  const families = definitions.map(({ values, ...head }) => ({
    ...head,
    samples: named.flatMap((it) => samplesOf(it, values(it), at.nowMs)),
  }));
  const seen = {
    name: "container_last_seen",
    help: "When it was last looked at, seconds since the epoch.",
    type: "gauge" as const,
    samples: readings.map((it) => ({
      labels: ordered(it.labels, {}),
      value: Math.floor(at.nowMs / 1_000),
      timeMs: at.nowMs,
    })),
  };
  return [...families, seen, ...machineFamilies(at.machine), scrapeFamily];
}

const scrapeFamily: Family = {
  name: "container_scrape_error",
  help: "1 where something could not be read.",
  type: "gauge",
  samples: [{ labels: {}, value: 0 }],
};

function samplesOf(
  { labels }: GroupReading,
  values: readonly Value[],
  timeMs: number,
): readonly Sample[] {
  return values.flatMap(([more, value]) =>
    value === undefined ? [] : [{ labels: ordered(labels, more), value, timeMs }],
  );
}

/** By name, as cAdvisor writes them. */
function ordered(labels: GroupLabels, more: Labels): Labels {
  const all = Object.entries({ ...labels, ...more });
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function counter(name: string, help: string, read: (it: GroupReading) => number): Definition {
  return { name, help, type: "counter", values: (it) => [[{}, read(it)]] };
}

function gauge(
  name: string,
  help: string,
  read: (it: GroupReading) => number | undefined,
): Definition {
  return { name, help, type: "gauge", values: (it) => [[{}, read(it)]] };
}

function isLimited({ stats }: GroupReading): boolean {
  return stats.limits.cpuQuotaMicros !== undefined;
}

const processorFamilies: readonly Definition[] = [
  {
    name: "container_cpu_usage_seconds_total",
    help: "Processor time.",
    type: "counter",
    values: ({ stats }) => [[{ cpu: "total" }, stats.cpu.usageSeconds]],
  },
  counter(
    "container_cpu_user_seconds_total",
    "Processor time of programs.",
    ({ stats }) => stats.cpu.userSeconds,
  ),
  counter(
    "container_cpu_system_seconds_total",
    "Processor time of the kernel.",
    ({ stats }) => stats.cpu.systemSeconds,
  ),
  ...(
    [
      ["periods", "Periods that have passed.", "periods"],
      ["throttled_periods", "Periods in which it was held back.", "throttledPeriods"],
      ["throttled_seconds", "Time for which it was held back.", "throttledSeconds"],
    ] as const
  ).map(([name, help, field]): Definition => ({
    name: `container_cpu_cfs_${name}_total`,
    help,
    type: "counter",
    values: (it) => (isLimited(it) ? [[{}, it.stats.cpu[field]]] : []),
  })),
  gauge("container_spec_cpu_shares", "Share of the processors.", (it) => it.stats.limits.cpuShares),
  gauge(
    "container_spec_cpu_period",
    "Period of the limit, microseconds.",
    (it) => it.stats.limits.cpuPeriodMicros,
  ),
  gauge(
    "container_spec_cpu_quota",
    "Processor time allowed in a period, microseconds.",
    (it) => it.stats.limits.cpuQuotaMicros,
  ),
];

const memoryFamilies: readonly Definition[] = [
  ...(
    [
      ["usage_bytes", "Memory in use, caches included.", "usageBytes"],
      ["max_usage_bytes", "Most memory that was in use.", "maxUsageBytes"],
      ["working_set_bytes", "Memory that cannot be dropped at once.", "workingSetBytes"],
      ["rss", "Anonymous memory.", "rssBytes"],
      ["cache", "Cached files.", "cacheBytes"],
      ["mapped_file", "Mapped files.", "mappedBytes"],
      ["swap", "Memory on disk.", "swapBytes"],
    ] as const
  ).map(([name, help, field]) =>
    gauge(`container_memory_${name}`, help, (it) => it.stats.memory[field]),
  ),
  counter(
    "container_memory_failcnt",
    "How often the limit was met.",
    ({ stats }) => stats.memory.failures,
  ),
  counter("container_oom_events_total", "Processes killed for want of memory.", (it) => {
    return it.stats.memory.oomKills;
  }),
  {
    name: "container_memory_failures_total",
    help: "Page faults.",
    type: "counter",
    values: ({ stats: { memory } }) => [
      [{ failure_type: "pgfault", scope: "hierarchy" }, memory.pageFaults],
      [{ failure_type: "pgmajfault", scope: "hierarchy" }, memory.majorPageFaults],
    ],
  },
  gauge("container_spec_memory_limit_bytes", "Memory allowed; 0 is no limit.", (it) => {
    return it.stats.limits.memoryBytes ?? 0;
  }),
];

const otherFamilies: readonly Definition[] = [
  gauge("container_processes", "Processes.", (it) => it.stats.processes),
  gauge("container_threads", "Threads.", (it) => it.stats.threads),
  gauge("container_start_time_seconds", "When it was started, seconds since the epoch.", (it) =>
    it.startedAtMs === undefined ? undefined : it.startedAtMs / 1_000,
  ),
  ...(
    [
      ["reads_total", "Reads of devices.", "reads"],
      ["reads_bytes_total", "Bytes read from devices.", "readBytes"],
      ["writes_total", "Writes to devices.", "writes"],
      ["writes_bytes_total", "Bytes written to devices.", "writtenBytes"],
    ] as const
  ).map(([name, help, field]): Definition => ({
    name: `container_fs_${name}`,
    help,
    type: "counter",
    values: ({ stats }) => stats.devices.map((it) => [{ device: it.device }, it[field]]),
  })),
  ...(
    [
      ["usage_bytes", "Bytes in use.", (it) => it.usedBytes],
      ["limit_bytes", "Bytes that there are.", (it) => it.sizeBytes],
      ["inodes_total", "Inodes.", (it) => it.inodes],
      ["inodes_free", "Inodes that are free.", (it) => it.inodesFree],
    ] as readonly (readonly [string, string, (it: FileSystemStats) => number])[]
  ).map(([name, help, read]): Definition => ({
    name: `container_fs_${name}`,
    help,
    type: "gauge",
    values: ({ fileSystems }) => fileSystems.map((it) => [{ device: it.device }, read(it)]),
  })),
  ...(["receive", "transmit"] as const).flatMap((way) =>
    (["bytes", "packets", "errors", "dropped"] as const).map((what): Definition => ({
      name: `container_network_${way}_${what === "dropped" ? "packets_dropped" : what}_total`,
      help: `Network: ${what}, ${way}.`,
      type: "counter",
      values: ({ interfaces }) => interfaces.map((it) => [{ interface: it.name }, it[way][what]]),
    })),
  ),
];

function machineFamilies(machine: MachineFacts): readonly Family[] {
  const { bootId: boot_id, machineId: machine_id, systemUuid: system_uuid } = machine;
  const labels = { boot_id, machine_id, system_uuid };
  const family = (name: string, help: string, value: number): Family => ({
    name,
    help,
    type: "gauge",
    samples: [{ labels, value }],
  });
  return [
    family("machine_cpu_cores", "Processors.", machine.cpuCount),
    family("machine_memory_bytes", "Memory.", machine.memoryBytes),
  ];
}

function withDeviceNames(stats: CgroupStats, nameOf: (device: string) => string): CgroupStats {
  const devices = stats.devices.map((it) => ({ ...it, device: nameOf(it.device) }));
  return { ...stats, devices };
}
