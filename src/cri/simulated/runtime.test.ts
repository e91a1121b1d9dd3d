import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock, systemClock } from "#base/clock.ts";
import { runtimeSuite } from "#testing/runtime/suite.ts";
import { RuntimeTester } from "#testing/runtime/tester.ts";
import { SimulatedRuntime, type SimulatedRuntimeOptions } from "./runtime.ts";

const noDelays = { pullMs: 0, sandboxMs: 0, startMs: 0, stopMs: 0 };

function options(changes: Partial<SimulatedRuntimeOptions> = {}): SimulatedRuntimeOptions {
  return {
    clock: systemClock,
    podCidr: "10.244.0.0/16",
    idPrefix: "sim",
    delays: noDelays,
    onError(error) {
      throw error;
    },
    ...changes,
  };
}

runtimeSuite("simulated", async () => {
  const directory = await mkdtemp(join(tmpdir(), "simulated-"));
  const runtime = new SimulatedRuntime(options());
  const image = "docker.io/library/busybox:latest";
  await runtime.pullImage(image, undefined, new AbortController().signal);
  return {
    runtime,
    image,
    missingImage: "missing.invalid/none:1",
    directory,
    cgroupParent: "/kubepods",
    async close() {
      await runtime[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
});

test("simulated: each step takes its delay on the given clock", async () => {
  const clock = new FakeClock(1_000);
  const delays = { pullMs: 300, sandboxMs: 200, startMs: 100, stopMs: 50 };
  await using runtime = new SimulatedRuntime(options({ clock, delays }));
  const directory = join(tmpdir(), "simulated-never-made");
  const tester = new RuntimeTester({
    runtime,
    image: "busybox",
    missingImage: "missing.invalid/none:1",
    directory,
    cgroupParent: "/",
    close: () => Promise.resolve(),
  });
  const { signal } = tester;
  const sandbox = tester.sandboxConfig();
  const running = runtime.runSandbox(sandbox, signal);
  await clock.advance(199);
  assert.deepEqual(await runtime.listSandboxes(signal), []);
  await clock.advance(1);
  const sandboxId = await running;
  const config = tester.containerConfig(["sleep", "60"]);
  const id = await runtime.createContainer(sandboxId, config, sandbox, signal);
  const starting = runtime.startContainer(id, signal);
  await clock.advance(100);
  await starting;
  assert.equal((await runtime.containerStatus(id, signal))?.startedAtMs, 1_300);
  await clock.advance(60_000);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  const exited = await runtime.containerStatus(id, signal);
  assert.deepEqual([exited?.state, exited?.exitCode, exited?.finishedAtMs], ["exited", 0, 61_300]);
});

test("simulated: five thousand pods take little memory and no timers", async () => {
  await using runtime = new SimulatedRuntime(options());
  const tester = new RuntimeTester({
    runtime,
    image: "busybox",
    missingImage: "missing.invalid/none:1",
    directory: tmpdir(),
    cgroupParent: "/",
    close: () => Promise.resolve(),
  });
  const { signal } = tester;
  const [sandbox, config] = [tester.sandboxConfig(), tester.containerConfig(["nginx"])];
  for (let attempt = 0; attempt < 5_000; attempt++) {
    const numbered = { ...sandbox, metadata: { ...sandbox.metadata, attempt } };
    const sandboxId = await runtime.runSandbox(numbered, signal);
    await runtime.startContainer(
      await runtime.createContainer(sandboxId, config, numbered, signal),
      signal,
    );
  }
  const running = (await runtime.listContainers(signal)).filter((it) => it.state === "running");
  assert.equal(running.length, 5_000);
});

test("simulated: a full range of addresses refuses the next pod, until one is stopped", async () => {
  await using runtime = new SimulatedRuntime(options({ podCidr: "10.0.0.0/29" }));
  const tester = new RuntimeTester({
    runtime,
    image: "busybox",
    missingImage: "missing.invalid/none:1",
    directory: tmpdir(),
    cgroupParent: "/",
    close: () => Promise.resolve(),
  });
  const ids: string[] = [];
  for (let pod = 0; pod < 5; pod++) {
    ids.push(await runtime.runSandbox(tester.sandboxConfig(), tester.signal));
  }
  await tester.fails("other", runtime.runSandbox(tester.sandboxConfig(), tester.signal));
  await runtime.stopSandbox(ids[0] ?? "", tester.signal);
  await runtime.runSandbox(tester.sandboxConfig(), tester.signal);
});
