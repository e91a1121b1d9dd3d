import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/gen/types.ts";
import { EvictionPace, NodeCensus } from "./zones.ts";

function node(zone: string, isReady: boolean): Node {
  const status = isReady ? "True" : "False";
  return {
    metadata: { labels: { "topology.kubernetes.io/zone": zone } },
    status: { conditions: [{ type: "Ready", status }] },
  };
}

test("EvictionPace: one node of a zone after the other, ten seconds apart", () => {
  const census = new NodeCensus();
  for (let i = 0; i < 9; i++) census.set(`a${i}`, node("a", true));
  census.set("lost", node("a", false));
  const pace = new EvictionPace(census);
  assert.equal(pace.waitMs(node("a", false), 5_000), 0);
  pace.take(node("a", false), 5_000);
  assert.equal(pace.waitMs(node("a", false), 5_000), 10_000);
  assert.equal(pace.waitMs(node("a", false), 12_000), 3_000);
  assert.equal(pace.waitMs(node("a", false), 20_000), 0);
});

test("EvictionPace: nobody goes while no node of the cluster is ready, and again when one is", () => {
  const census = new NodeCensus();
  const pace = new EvictionPace(census);
  census.set("one", node("a", true));
  census.set("lost", node("b", false));
  assert.equal(pace.waitMs(node("a", true), 0), 0);
  census.set("one", node("a", false));
  assert.equal(pace.waitMs(node("a", false), 0), undefined);
  census.set("one", undefined);
  assert.equal(pace.waitMs(node("b", false), 0), undefined);
  census.set("lost", node("b", true));
  assert.equal(pace.waitMs(node("b", true), 0), 0);
});
