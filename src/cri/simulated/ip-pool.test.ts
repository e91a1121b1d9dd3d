import assert from "node:assert/strict";
import { test } from "node:test";
import { IpPool } from "./ip-pool.ts";

test("IpPool: each address once, until all are used; a released one comes again, last", () => {
  const pool = new IpPool("10.244.1.8/29");
  const all = Array.from({ length: 5 }, () => pool.allocate());
  assert.deepEqual(all, [
    "10.244.1.10",
    "10.244.1.11",
    "10.244.1.12",
    "10.244.1.13",
    "10.244.1.14",
  ]);
  assert.equal(pool.allocate(), undefined);
  pool.release("10.244.1.12");
  pool.release("10.244.1.10");
  assert.equal(pool.allocate(), "10.244.1.10");
  assert.equal(pool.allocate(), "10.244.1.12");
});

test("IpPool: 65,000 pods on one node", () => {
  const pool = new IpPool("10.0.0.0/16");
  const seen = new Set(Array.from({ length: 65_000 }, () => pool.allocate()));
  assert.equal(seen.size, 65_000);
  assert.ok(!seen.has("10.0.0.1") && seen.has("10.0.253.0"));
});

for (const cidr of ["", "10.0.0.0", "10.0.0.0/30", "10.0.0.256/24", "fd00::/64"]) {
  test(`IpPool: refuses '${cidr}'`, () => {
    assert.throws(() => new IpPool(cidr), /expected an IPv4 CIDR/);
  });
}
