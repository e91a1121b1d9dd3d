import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NodeRanges, nextNodeRange } from "./plan.ts";

const cases: [cluster: string, taken: string[], want: string | undefined][] = [
  ["10.244.0.0/16", [], "10.244.0.0/24"],
  ["10.244.0.0/16", ["10.244.0.0/24"], "10.244.1.0/24"],
  ["10.244.0.0/16", ["10.244.1.0/24"], "10.244.0.0/24"],
  ["10.244.0.0/16", ["10.244.0.0/23"], "10.244.2.0/24"],
  ["10.244.0.0/16", ["10.244.0.128/25", "10.244.1.0/26"], "10.244.2.0/24"],
  ["10.244.0.0/16", ["192.168.0.0/24", "nonsense", "fd00::/64"], "10.244.0.0/24"],
  ["10.244.0.0/24", ["10.244.0.0/24"], undefined],
  ["10.244.0.0/23", ["0.0.0.0/0"], undefined],
  ["255.255.254.0/23", ["255.255.254.0/24"], "255.255.255.0/24"],
];

for (const [cluster, taken, want] of cases) {
  test(`nextNodeRange: ${cluster} without ${taken.join(" ")} -> ${String(want)}`, () => {
    assert.equal(nextNodeRange({ cluster, nodePrefix: 24 }, taken), want);
  });
}

test("nextNodeRange: no range is given twice, until all are given", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(15), { maxLength: 15 }), (places) => {
      const taken = places.map((it) => `10.0.${it}.0/24`);
      const next = nextNodeRange({ cluster: "10.0.0.0/20", nodePrefix: 24 }, taken);
      assert.ok(next !== undefined && !taken.includes(next));
    }),
  );
});

test("nextNodeRange: a range that holds no node's is an error", () => {
  assert.throws(() => nextNodeRange({ cluster: "10.0.0.0/25", nodePrefix: 24 }, []), /holds no/);
  assert.throws(() => nextNodeRange({ cluster: "fd00::/48", nodePrefix: 64 }, []), /holds no/);
});

test("NodeRanges: what was released is given again, and never what somebody holds", () => {
  const ranges = new NodeRanges({ cluster: "10.244.0.0/22", nodePrefix: 24 });
  ranges.hold("a", ["10.244.0.0/23"]);
  ranges.hold("b", ["10.244.1.0/24"]); // Two that say the same: both have to go.
  assert.equal(ranges.take("c"), "10.244.2.0/24");
  ranges.release("a");
  assert.equal(ranges.take("d"), "10.244.0.0/24");
  assert.equal(ranges.take("e"), "10.244.3.0/24");
  assert.equal(ranges.take("f"), undefined);
  assert.deepEqual(
    ["a", "b", "f"].map((it) => ranges.has(it)),
    [false, true, false],
  );
  ranges.hold("b", ["192.168.0.0/24"]);
  assert.equal(ranges.take("f"), "10.244.1.0/24");
});
