// A disk that fills up: what cannot be stored is refused, what is stored stays, and it goes on after.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GantryProcess, ok, run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();

test("a full disk refuses writes with its reason, and loses nothing", { skip }, () => {
  using gantry = new GantryProcess(27_043);
  const disk = join(gantry.directory, "data");
  mkdirSync(disk);
  ok(run("mount", ["-t", "tmpfs", "-o", "size=90m", "tmpfs", disk]));
  try {
    ok(gantry.up("--runtime", "simulated"));
    const load = join(gantry.directory, "load");
    writeFileSync(load, randomBytes(450_000).toString("base64"));
    const fill = join(disk, "fill");
    // As much as there is: dd says that it could not write all.
    run("dd", ["if=/dev/zero", `of=${fill}`, "bs=1M"]);
    let stored = 0;
    let refusal = "";
    for (let tries = 0; tries < 100 && refusal === ""; tries++) {
      const made = gantry.kubectl(["create", "configmap", `c${tries}`, `--from-file=${load}`]);
      if (made.code === 0) stored += 1;
      else refusal = made.stderr;
    }
    assert.match(refusal, /could not be stored: ENOSPC: no space left on device/);
    const names = (): number =>
      ok(gantry.kubectl(["get", "configmaps", "-o", "name"]))
        .split("\n")
        .filter((it) => /\/c\d/.test(it)).length;
    assert.equal(names(), stored);
    rmSync(fill);
    ok(gantry.kubectl(["create", "configmap", "c999", "--from-literal=a=b"]));
    ok(gantry.gantry("down"));
    ok(gantry.up("--runtime", "simulated"));
    assert.equal(names(), stored + 1);
  } finally {
    gantry.gantry("down");
    ok(run("umount", ["-l", disk]));
  }
});
