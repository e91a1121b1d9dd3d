import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { drainScript } from "./drain-script.ts";

const skip = existsSync("/usr/bin/prlimit") ? false : "needs prlimit";

const cases: [annotation: string, code: number, limits: RegExp][] = [
  ["nofile=100:200 core=0:0", 0, /^Max open files +100 +200 /m],
  ["nofile=200:100", 1, /^Max open files/m],
  ["rtprio=10:10", 1, /^Max realtime priority +0 /m],
  ["pids=x", 1, /^Max open files/m],
  ["nofile=1:1;touch", 1, /^Max open files/m],
];

for (const [annotation, code, limits] of cases) {
  test(`runc start: the limits '${annotation}' of a container's process`, { skip }, () => {
    const directory = mkdtempSync(join(tmpdir(), "gantry-limits-"));
    const child = spawn("sleep", ["60"]);
    try {
      const bundles = join(directory, "bundles");
      mkdirSync(join(bundles, "id"), { recursive: true });
      const annotations = {
        "io.kubernetes.cri.container-name": "app",
        "limits.gantry.dev/app": annotation,
        "limits.gantry.dev/other": "nofile=7:7",
      };
      writeFileSync(join(bundles, "id/config.json"), `${JSON.stringify({ annotations })}\n`);
      writeFileSync(join(bundles, "id/init.pid"), String(child.pid));
      const script = join(directory, "runc");
      const layout = { bundles, pidFile: join(directory, "pid") };
      writeFileSync(script, drainScript(layout, "/bin/echo"), { mode: 0o755 });
      const run = spawnSync(script, ["--root", "/r", "start", "id"], { encoding: "utf8" });
      assert.equal(run.status, code, run.stderr);
      if (code === 0) assert.equal(run.stdout, "--root /r start id\n");
      else assert.match(run.stderr, /cannot be set/);
      assert.match(readFileSync(`/proc/${child.pid}/limits`, "utf8"), limits);
    } finally {
      child.kill();
      rmSync(directory, { recursive: true });
    }
  });
}
