import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { ImageStatus, Runtime } from "#cri/runtime.ts";
import { FakeCluster } from "#testing/kubelet-ports.ts";
import { instance } from "#testing/pod-fixtures.ts";
import { ImageCollector } from "./collector.ts";

const signal = new AbortController().signal;

function image(name: string): ImageStatus {
  const named = { id: `sha256:${name}`, tags: [name], digests: [], username: "", uid: undefined };
  return { ...named, sizeBytes: 10 };
}

function harness(highPercent: number): {
  collector: ImageCollector;
  removed: string[];
  clock: FakeClock;
  cluster: FakeCluster;
} {
  const removed: string[] = [];
  const clock = new FakeClock(1_000_000);
  const cluster = new FakeCluster();
  const container = instance("app", { image: "used" });
  const runtime = {
    listContainers: async () => [container],
    containerStatus: async () => container,
    listImages: async () => ["used", "pause", "stuck", "unused"].map(image),
    removeImage: async (id) => {
      if (id === "sha256:stuck") throw new Error("in use");
      removed.push(id);
    },
  } as Partial<Runtime> as Runtime;
  const collector = new ImageCollector({
    runtime,
    limits: { highPercent, lowPercent: 0, ageMinMs: 1_000, ageMaxMs: 0 },
    directory: tmpdir(),
    pinned: ["pause"],
    events: cluster.recorder,
    clock,
    log: silentLogger,
  });
  return { collector, removed, clock, cluster };
}

test("ImageCollector: what is unused and not new goes when the disk is full", async () => {
  const { collector, removed, clock, cluster } = harness(0);
  await collector.collect(signal);
  assert.deepEqual(removed, []);
  await clock.advance(1_000);
  await collector.collect(signal);
  assert.deepEqual(removed, ["sha256:unused"]);
  assert.match(cluster.events[0] ?? "", /FreeDiskSpaceFailed: Insufficient free disk space/);
});

test("ImageCollector: with room on the disk all stay, unless they are asked for", async () => {
  const { collector, removed, clock } = harness(101);
  await collector.collect(signal);
  await clock.advance(3_600_000);
  await collector.collect(signal);
  assert.deepEqual(removed, []);
  await collector.removeUnused(signal);
  assert.deepEqual(removed, ["sha256:unused"]);
});
