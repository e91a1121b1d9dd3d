import assert from "node:assert/strict";
import { test } from "node:test";
import { renderFamilies } from "#base/metrics/exposition.ts";
import { imaginaryMachine } from "#kubelet/node/machine.ts";
import { someCgroupStats } from "#testing/cgroup-stats-fixture.ts";
import { cadvisorFamilies, type GroupReading } from "./cadvisor.ts";
import { parseNetDev } from "./net-dev.ts";

const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       1       1    0    0    0     0          0         0        1       1    0    0    0     0       0          0
  eth0:    1000      10    1    2    0     0          0         0     2000      20    3    4    0     0       0          0
`;

const reading: GroupReading = {
  labels: {
    container: "app",
    id: "/kubepods/podu/c1",
    image: "busybox",
    name: "c1",
    namespace: "a",
    pod: "web",
  },
  stats: {
    ...someCgroupStats,
    memory: { ...someCgroupStats.memory, maxUsageBytes: undefined },
    limits: { ...someCgroupStats.limits, memoryBytes: undefined },
  },
  startedAtMs: 5_000,
  interfaces: parseNetDev(netDev),
  fileSystems: [{ device: "/dev/sda", sizeBytes: 100, usedBytes: 40, inodes: 10, inodesFree: 5 }],
};

function render(given: Partial<GroupReading> = {}): string {
  const at = {
    nowMs: 9_000,
    machine: imaginaryMachine("m", { cpuCount: 4, memoryBytes: 8_192 }),
    deviceName: () => "/dev/sda",
  };
  return renderFamilies(cadvisorFamilies([{ ...reading, ...given }], at));
}

const own = `id="/kubepods/podu/c1",image="busybox"`;
const rest = `name="c1",namespace="a",pod="web"`;

for (const line of [
  `container_cpu_usage_seconds_total{container="app",cpu="total",${own},${rest}} 3 9000`,
  `container_cpu_cfs_throttled_periods_total{container="app",${own},${rest}} 4 9000`,
  `container_memory_working_set_bytes{container="app",${own},${rest}} 900 9000`,
  `container_memory_failures_total{container="app",failure_type="pgfault",${own},${rest.replace(`pod="web"`, `pod="web",scope="hierarchy"`)}} 11 9000`,
  `container_spec_memory_limit_bytes{container="app",${own},${rest}} 0 9000`,
  `container_fs_writes_bytes_total{container="app",device="/dev/sda",${own},${rest}} 200 9000`,
  `container_fs_usage_bytes{container="app",device="/dev/sda",${own},${rest}} 40 9000`,
  `container_network_receive_bytes_total{container="app",${own},interface="eth0",${rest}} 1000 9000`,
  `container_network_transmit_packets_dropped_total{container="app",${own},interface="eth0",${rest}} 4 9000`,
  `container_start_time_seconds{container="app",${own},${rest}} 5 9000`,
  `container_last_seen{container="app",${own},${rest}} 9 9000`,
  `machine_cpu_cores{boot_id="m",machine_id="m",system_uuid="m"} 4`,
  `container_scrape_error 0`,
]) {
  test(`cadvisorFamilies: ${line}`, () => {
    assert(render().includes(`\n${line}\n`), render());
  });
}

test("cadvisorFamilies: what is not known is left out", () => {
  const limits = { ...reading.stats.limits, cpuQuotaMicros: undefined };
  const text = render({ stats: { ...reading.stats, limits }, startedAtMs: undefined });
  assert.doesNotMatch(text, /container_cpu_cfs|container_spec_cpu_quota|container_start_time/);
  assert.doesNotMatch(text, /max_usage_bytes|lo"/);
});
