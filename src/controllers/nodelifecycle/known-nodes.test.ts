import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownNodes } from "./known-nodes.ts";

test("KnownNodes: tells once that a node came, and that it went", () => {
  const told: string[] = [];
  const nodes = new KnownNodes({
    record: (_resource, object, { reason, message }) => {
      told.push(`${object.metadata?.uid ?? ""} ${reason}: ${message}`);
    },
  });
  const node = { metadata: { name: "a", uid: "1" } };
  nodes.see("a", node);
  nodes.see("a", node);
  nodes.see("b", undefined);
  nodes.see("a", undefined);
  nodes.see("a", undefined);
  assert.deepEqual(told, [
    "1 RegisteredNode: Node a event: Registered Node a in Controller",
    "1 RemovingNode: Node a event: Removing Node a from Controller",
  ]);
});
