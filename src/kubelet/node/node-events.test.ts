import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeEvents, type ToldNode } from "./node-events.ts";

/** `Ready MemoryPressure=False boot:b cordoned` */
function node(text: string): ToldNode {
  const words = text.split(" ");
  const bootId = words.find((it) => it.startsWith("boot:"))?.slice("boot:".length) ?? "";
  const conditions = words
    .filter((it) => /^[A-Z]/.test(it))
    .map((it) => {
      const [type = "", status = "True"] = it.split("=");
      return { type, status };
    });
  return { conditions, bootId, unschedulable: words.includes("cordoned") };
}

const cases: [before: string | undefined, after: string, want: string][] = [
  [undefined, "Ready", "NodeReady"],
  [
    undefined,
    "MemoryPressure=False DiskPressure=False PIDPressure=False Ready=False",
    "NodeHasSufficientMemory NodeHasNoDiskPressure NodeHasSufficientPID NodeNotReady",
  ],
  ["Ready", "Ready", ""],
  ["Ready=Unknown", "Ready", "NodeReady"],
  ["Ready MemoryPressure=False", "Ready MemoryPressure", "NodeHasInsufficientMemory"],
  ["Ready", "Ready cordoned", "NodeNotSchedulable"],
  ["Ready cordoned", "Ready", "NodeSchedulable"],
  ["Ready boot:a", "Ready boot:b", "Rebooted"],
  ["Ready", "Ready boot:b", ""],
];

for (const [before, after, want] of cases) {
  test(`nodeEvents: ${before ?? "nothing"} -> ${after}: ${want}`, () => {
    const events = nodeEvents("n", before === undefined ? undefined : node(before), node(after));
    assert.equal(events.map((it) => it.reason).join(" "), want);
  });
}

test("nodeEvents: messages", () => {
  const told = nodeEvents("n", node("Ready=False boot:a"), node("Ready boot:b"));
  assert.deepEqual(
    told.map((it) => `${it.type} ${it.message}`),
    ["Warning Node n has been rebooted, boot id: b", "Normal Node n status is now: NodeReady"],
  );
});
