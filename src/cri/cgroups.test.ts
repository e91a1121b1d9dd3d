import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  type CgroupMounts,
  cgroupMounts,
  cpuWeight,
  readCgroupUsage,
  setCgroupLimits,
  thawCgroup,
} from "./cgroups.ts";
import { mountsBelow } from "./mounts.ts";

const unified = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
const hybrid = [
  "31 20 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755",
  "32 31 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
  "33 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "34 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
  "35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
].join("\n");
const systemdHybrid = [
  "32 31 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
  "34 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
].join("\n");

test("cgroupMounts: one hierarchy, one each, and both", () => {
  assert.deepEqual(cgroupMounts(unified), {
    version: "v2",
    root: "/sys/fs/cgroup",
    roots: ["/sys/fs/cgroup"],
  });
  const legacy = cgroupMounts(hybrid);
  assert.ok(legacy.version === "v1");
  assert.equal(legacy.controllers.get("memory"), "/sys/fs/cgroup/memory");
  assert.deepEqual(
    legacy.roots.map((it) => it.slice("/sys/fs/cgroup/".length)),
    ["cpu", "memory", "systemd", "unified"],
  );
  assert.equal(cgroupMounts(systemdHybrid).version, "v2");
  assert.throws(() => cgroupMounts(""), /no control groups are mounted/);
});

const weights: [shares: number, want: number][] = [
  [0, 1],
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
  [1_000_000, 10_000],
];
for (const [shares, want] of weights) {
  test(`cpuWeight: ${shares} -> ${want}`, () => {
    assert.equal(cpuWeight(shares), want);
  });
}

async function withFiles(
  files: Record<string, string>,
  run: (root: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "cgroups-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), text);
    }
    await run(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test("cgroup v2: usage and limits", async () => {
  await withFiles(
    {
      "pod/cpu.stat": "usage_usec 1500\nuser_usec 1000\n",
      "pod/memory.current": "1000\n",
      "pod/memory.stat": "anon 100\ninactive_file 300\nactive_file 5\n",
      "pod/pids.current": "3\n",
    },
    async (root) => {
      const mounts: CgroupMounts = { version: "v2", root, roots: [root] };
      assert.deepEqual(await readCgroupUsage(mounts, "/pod"), {
        cpuNanoseconds: 1_500_000n,
        memoryUsageBytes: 1000,
        memoryWorkingSetBytes: 700,
        processes: 3,
      });
      assert.equal(await readCgroupUsage(mounts, "/other"), undefined);
      const limits = { cpuShares: 1024, cpuQuota: 50_000, memoryLimitBytes: -1, pidsMax: 10 };
      await setCgroupLimits(mounts, "/pod", limits);
      const read = ["cpu.weight", "cpu.max", "memory.max", "pids.max"].map((it) =>
        readFile(join(root, "pod", it), "utf8"),
      );
      assert.deepEqual(await Promise.all(read), ["39", "50000 100000", "max", "10"]);
    },
  );
});

test("cgroup v1: usage and limits; a missing controller is left out", async () => {
  await withFiles(
    {
      "cpuacct/pod/cpuacct.usage": "123456789012345678\n",
      "memory/pod/memory.usage_in_bytes": "1000\n",
      "memory/pod/memory.stat": "cache 4\ntotal_inactive_file 1500\n",
      "pids/pod/pids.current": "1\n",
    },
    async (root) => {
      const mounts: CgroupMounts = {
        version: "v1",
        controllers: new Map(["cpuacct", "memory", "pids"].map((it) => [it, join(root, it)])),
        roots: [],
      };
      assert.deepEqual(await readCgroupUsage(mounts, "/pod"), {
        cpuNanoseconds: 123456789012345678n,
        memoryUsageBytes: 1000,
        memoryWorkingSetBytes: 0,
        processes: 1,
      });
      await setCgroupLimits(mounts, "/pod", { cpuShares: 2, memoryLimitBytes: 4096 });
      assert.equal(await readFile(join(root, "memory/pod/memory.limit_in_bytes"), "utf8"), "4096");
    },
  );
});

test("thawCgroup: what is frozen in a tree of version 1 goes on, and nothing else is touched", async () => {
  const states = {
    "kubepods/a/freezer.state": "FROZEN\n",
    "kubepods/a/b/freezer.state": "FREEZING\n",
    "kubepods/c/freezer.state": "THAWED\n",
    "other/freezer.state": "FROZEN\n",
  };
  await withFiles(states, async (root) => {
    const controllers = new Map([["freezer", root]]);
    await thawCgroup({ version: "v1", controllers, roots: [root] }, "/kubepods");
    await thawCgroup({ version: "v1", controllers, roots: [root] }, "/none");
    const read = Object.keys(states).map((it) => readFile(join(root, it), "utf8"));
    assert.deepEqual(await Promise.all(read), ["THAWED", "THAWED", "THAWED\n", "FROZEN\n"]);
  });
});

test("mountsBelow: the last mounted first, and no neighbours with a longer name", () => {
  const text = ["/n", "/n/a b", "/n/a b/c", "/nn", "/x"]
    .map((it) => `1 1 0:1 / ${it.replace(" ", "\\040")} rw - tmpfs t rw`)
    .join("\n");
  assert.deepEqual(mountsBelow(text, "/n"), ["/n/a b/c", "/n/a b", "/n"]);
});
