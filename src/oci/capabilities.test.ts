import assert from "node:assert/strict";
import { test } from "node:test";
import { boundingCapabilities, dockerCapabilities, furtherCapabilities } from "./capabilities.ts";

test("capabilities: Docker's are those of its mask", () => {
  const found = boundingCapabilities("CapEff:\t0\nCapBnd:\t00000000a80425fb\n");
  assert.deepEqual(found.toSorted(), dockerCapabilities.toSorted());
});

test("capabilities: together they are all up to BLOCK_SUSPEND", () => {
  const all = boundingCapabilities("CapBnd:\t0000001fffffffff\n");
  assert.equal(all.length, 37);
  assert.deepEqual([...dockerCapabilities, ...furtherCapabilities].toSorted(), all.toSorted());
});
