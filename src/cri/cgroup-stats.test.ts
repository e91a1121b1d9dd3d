import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { someCgroupStats } from "#testing/cgroup-stats-fixture.ts";
import { readCgroupStats } from "./cgroup-stats.ts";
import type { CgroupMounts } from "./cgroups.ts";

const unified = {
  "cpu.stat":
    "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 500000\n",
  "cpu.weight": "1\n",
  "cpu.max": "50000 100000\n",
  "memory.stat":
    "anon 300\nfile 600\nfile_mapped 50\ninactive_file 100\npgfault 11\npgmajfault 2\n",
  "memory.current": "1000\n",
  "memory.peak": "2000\n",
  "memory.max": "4096\n",
  "memory.swap.current": "7\n",
  "memory.events": "low 0\nmax 3\noom_kill 1\n",
  "pids.current": "5\n",
  "cgroup.procs": "1\n2\n",
  "io.stat": "8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=0 dios=0\n",
};

const legacy = {
  "cpuacct/cpuacct.usage": "3000000000\n",
  "cpuacct/cpuacct.stat": "user 200\nsystem 100\n",
  "cpu/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 500000000\n",
  "cpu/cpu.shares": "2\n",
  "cpu/cpu.cfs_period_us": "100000\n",
  "cpu/cpu.cfs_quota_us": "50000\n",
  "memory/memory.stat":
    "rss 1\ntotal_rss 300\ntotal_cache 600\ntotal_mapped_file 50\ntotal_swap 7\ntotal_inactive_file 100\ntotal_pgfault 11\ntotal_pgmajfault 2\n",
  "memory/memory.usage_in_bytes": "1000\n",
  "memory/memory.max_usage_in_bytes": "2000\n",
  "memory/memory.failcnt": "3\n",
  "memory/memory.limit_in_bytes": "4096\n",
  "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
  "memory/cgroup.procs": "1\n2\n",
  "pids/pids.current": "5\n",
  "blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 100\n8:0 Write 200\nTotal 300\n",
  "blkio/blkio.throttle.io_serviced_recursive": "8:0 Read 3\n8:0 Write 4\nTotal 7\n",
};

async function withFiles(
  files: Readonly<Record<string, string>>,
  run: (root: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "gantry-cgroups-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      const [controller, file] = path.includes("/") ? path.split("/") : ["", path];
      const at = join(root, controller ?? "", "pod", file ?? "");
      await mkdir(dirname(at), { recursive: true });
      await writeFile(at, text);
    }
    await run(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

function legacyMounts(root: string): CgroupMounts {
  const names = ["cpu", "cpuacct", "memory", "pids", "blkio"];
  const controllers = new Map(names.map((it) => [it, join(root, it)]));
  return { version: "v1", controllers, roots: [...controllers.values()] };
}

test("readCgroupStats: cgroup v2", async () => {
  await withFiles(unified, async (root) => {
    const mounts = { version: "v2", root, roots: [root] } as const;
    assert.deepEqual(await readCgroupStats(mounts, "/pod"), someCgroupStats);
    assert.equal(await readCgroupStats(mounts, "/gone"), undefined);
  });
});

test("readCgroupStats: cgroup v1", async () => {
  await withFiles(legacy, async (root) => {
    const mounts = legacyMounts(root);
    assert.deepEqual(await readCgroupStats(mounts, "/pod"), someCgroupStats);
    assert.equal(await readCgroupStats(mounts, "/gone"), undefined);
  });
});

for (const [version, files, changed] of [
  [
    "v1",
    legacy,
    { "memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu/cpu.cfs_quota_us": "-1\n" },
  ],
  ["v2", unified, { "memory.max": "max\n", "cpu.max": "max 100000\n" }],
] as const) {
  test(`readCgroupStats: no limits, cgroup ${version}`, async () => {
    await withFiles({ ...files, ...changed }, async (root) => {
      const mounts =
        version === "v1" ? legacyMounts(root) : ({ version, root, roots: [root] } as const);
      const limits = (await readCgroupStats(mounts, "/pod"))?.limits;
      assert.equal(limits?.memoryBytes, undefined);
      assert.equal(limits?.cpuQuotaMicros, undefined);
      assert.equal(limits?.cpuPeriodMicros, 100_000);
    });
  });
}
