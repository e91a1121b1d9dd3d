import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSamples, statsRow, usageOf } from "./stats.ts";

const pod = {
  metadata: {
    name: "web",
    namespace: "containers",
    annotations: { "gantry.dev/container-id": "0123456789abcdef" },
  },
  spec: { containers: [{ name: "container" }] },
};

function text(cpu: number, timeMs: number): string {
  const own = 'container="container",id="/x",namespace="containers",pod="web"';
  const sandbox = 'container="",id="/y",namespace="containers",pod="web"';
  return `# HELP container_threads Threads.
container_cpu_usage_seconds_total{cpu="total",${own}} ${cpu} ${timeMs}
container_memory_working_set_bytes{${own}} 1572864 ${timeMs}
container_spec_memory_limit_bytes{${own}} 0 ${timeMs}
container_threads{${own}} 3 ${timeMs}
container_network_receive_bytes_total{interface="eth0",${sandbox}} 1200 ${timeMs}
container_network_receive_bytes_total{interface="lo",${sandbox}} 7 ${timeMs}
container_fs_reads_bytes_total{device="/dev/a",${own}} 1000 ${timeMs}
container_fs_reads_bytes_total{device="/dev/b",${own}} 500 ${timeMs}
container_cpu_usage_seconds_total{cpu="total",container="container",namespace="other",pod="web"} 9 1
machine_memory_bytes{boot_id="a \\" b"} 1073741824
`;
}

test("statsRow: rates between two looks, and Docker's units", () => {
  const before = usageOf(parseSamples(text(1, 1_000)), pod);
  const now = usageOf(parseSamples(text(1.5, 2_000)), pod);
  assert.deepEqual(statsRow(pod, { before, now }, false), {
    Container: "0123456789ab",
    ID: "0123456789ab",
    Name: "web",
    CPUPerc: "50.00%",
    MemUsage: "1.5MiB / 1GiB",
    MemPerc: "0.15%",
    NetIO: "1.2kB / 0B",
    BlockIO: "1.5kB / 0B",
    PIDs: "3",
  });
});

test("statsRow: what the node does not know", () => {
  assert.equal(usageOf(parseSamples(""), pod), undefined);
  const row = statsRow(pod, { before: undefined, now: undefined }, true);
  assert.deepEqual([row.ID, row.CPUPerc, row.MemUsage], ["0123456789abcdef", "--", "-- / --"]);
});
