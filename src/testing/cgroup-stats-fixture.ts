import type { CgroupStats } from "#cri/cgroup-stats.ts";

/** What the kernel may say of a group. */
export const someCgroupStats: CgroupStats = {
  cpu: {
    usageSeconds: 3,
    userSeconds: 2,
    systemSeconds: 1,
    periods: 10,
    throttledPeriods: 4,
    throttledSeconds: 0.5,
  },
  memory: {
    usageBytes: 1_000,
    maxUsageBytes: 2_000,
    workingSetBytes: 900,
    rssBytes: 300,
    cacheBytes: 600,
    mappedBytes: 50,
    swapBytes: 7,
    failures: 3,
    pageFaults: 11,
    majorPageFaults: 2,
    oomKills: 1,
  },
  limits: {
    cpuShares: 2,
    cpuPeriodMicros: 100_000,
    cpuQuotaMicros: 50_000,
    memoryBytes: 4_096,
  },
  threads: 5,
  processes: 2,
  devices: [{ device: "8:0", reads: 3, writes: 4, readBytes: 100, writtenBytes: 200 }],
};
