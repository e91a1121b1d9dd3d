import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { containerScript, type ContainerPlan } from "./plan.ts";
import { commandLine } from "#base/shell.ts";
import { runtimeSpec, type ProcessRequest } from "./spec.ts";

const plan: ContainerPlan = {
  directory: "/c/layers",
  private: "/s/private",
  overlays: [
    { lowers: ["a", "b"], changes: { upper: "u", work: "w" }, at: "/s/private/bundle/rootfs" },
    { lowers: ["c", "d"], changes: undefined, at: "/s/m1" },
  ],
  locks: ["/c/l.lock"],
  runtime: ["runc", "run"],
  bundle: "/s/private/bundle",
  name: "id",
};

test("containerScript: mounts, files, locks, then the runtime in its place", () => {
  assert.deepEqual(containerScript(plan).replaceAll("'", "").split("\n"), [
    "set -e",
    "cd /c/layers",
    "mount --internal-only --no-mtab -t tmpfs -o size=16777216,mode=0700 tmpfs /s/private",
    "tar --extract --file=- --numeric-owner --same-owner --same-permissions --touch --directory=/s/private <&3",
    "exec 3<&-",
    "mount --internal-only --no-mtab -t overlay -o lowerdir=a:b,upperdir=u,workdir=w,index=off,redirect_dir=off,metacopy=off overlay /s/private/bundle/rootfs",
    "mount --internal-only --no-mtab -t overlay -o lowerdir=c:d,ro,index=off,redirect_dir=off,metacopy=off overlay /s/m1",
    "exec flock --no-fork /c/l.lock runc run --bundle /s/private/bundle id",
  ]);
});

test("containerScript: more layers than a mount takes are refused", () => {
  const lowers = Array.from({ length: 400 }, (_, index) => String(index).padStart(12, "0"));
  const overlays = [{ lowers, changes: undefined, at: "/m" }];
  assert.throws(() => containerScript({ ...plan, overlays }), /the stage has 400 layers/);
});

test("commandLine: a shell gives back any words", () => {
  const word = fc.string({ unit: "binary-ascii" }).filter((it) => !it.includes("\0"));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
      const { stdout } = spawnSync("sh", ["-c", `printf '%s\\000' ${commandLine(...words)}`]);
      assert.equal(stdout.toString("latin1"), words.map((it) => `${it}\0`).join(""));
    }),
    { numRuns: 20 },
  );
});

const request: ProcessRequest = {
  args: ["true"],
  environment: ["A=1"],
  workdir: "/w",
  user: { uid: 1, gid: 2, additionalGids: [3] },
  mounts: [{ destination: "/x", type: "bind", source: "/y", options: ["rbind"] }],
  network: "host",
  insecure: false,
  hostname: "builder",
  cgroupsPath: "/gantry-build/1",
  limits: { resourceLimits: [] },
};

function linuxOf(spec: object): Readonly<Record<string, unknown>> {
  return (spec as { linux: Record<string, unknown> }).linux;
}

test("runtimeSpec: a container has its own network only when it is to have none", () => {
  const types = (["host", "none"] as const).map((network) =>
    JSON.stringify(linuxOf(runtimeSpec({ ...request, network }))["namespaces"]).includes("network"),
  );
  assert.deepEqual(types, [false, true]);
});

test("runtimeSpec: what bounds a command", () => {
  const resourceLimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }];
  const limits = { shmBytes: 4096, memoryBytes: 1024, resourceLimits };
  const spec = runtimeSpec({ ...request, limits });
  const { process, mounts } = spec as {
    process: { rlimits: unknown };
    mounts: { destination: string; options: string[] }[];
  };
  assert.deepEqual(process.rlimits, resourceLimits);
  const shm = mounts.find((it) => it.destination === "/dev/shm");
  assert.equal(shm?.options.includes("size=4096"), true);
  const { devices, ...resources } = linuxOf(spec)["resources"] as Record<string, unknown>;
  assert.ok(Array.isArray(devices));
  assert.deepEqual(resources, { memory: { limit: 1024 } });
});

test("runtimeSpec: only an insecure container is without filters", () => {
  for (const insecure of [false, true]) {
    const linux = linuxOf(runtimeSpec({ ...request, insecure }));
    assert.equal("seccomp" in linux, !insecure);
    assert.equal("maskedPaths" in linux, !insecure);
    assert.equal(
      JSON.stringify(runtimeSpec({ ...request, insecure })).includes("CAP_SYS_ADMIN"),
      insecure,
    );
  }
});
