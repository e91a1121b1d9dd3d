// Two installations on one machine would give pods the same addresses: the second is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GantryProcess, run, systemMissing } from "#testing/gantry-process.ts";

const skip = systemMissing();

test("what another Gantry left of its network is named, with its remedy", { skip }, () => {
  using system = new GantryProcess(27_043);
  const table = "gantry_00c0ffee";
  const added = run("nft", [`add table ip ${table} { comment "/srv/other/node" ; }`]);
  assert.equal(added.code, 0, added.stderr);
  try {
    const refused = system.up();
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /table gantry_00c0ffee.*gantry reset --data-dir \/srv\/other\n/);
  } finally {
    run("nft", ["delete", "table", "ip", table]);
  }
  assert.equal(system.up().code, 0);
});
