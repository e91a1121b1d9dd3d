import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import type { RuntimeTester } from "./tester.ts";

export function sandboxTests(get: () => RuntimeTester): void {
  test("is ready and says what it is", async () => {
    const { runtime, signal } = get();
    const { name, version } = await runtime.version(signal);
    assert.ok(name !== "" && version !== "");
    const status = await runtime.status(signal);
    assert.deepEqual([status.runtimeReady, status.networkReady], [true, true], status.message);
  });

  test("sandbox: ready with an address, then not ready, then gone", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const config = tester.sandboxConfig();
    const id = await runtime.runSandbox(config, signal);
    const status = await runtime.sandboxStatus(id, signal);
    assert.equal(status?.state, "ready");
    assert.equal(status.ips.length, 1);
    assert.match(status.ips[0] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.deepEqual(status.metadata, config.metadata);
    assert.deepEqual([status.labels, status.annotations], [config.labels, config.annotations]);
    assert.ok(Math.abs(status.createdAtMs - systemClock.now()) < 60_000);
    const listed = (await runtime.listSandboxes(signal)).find((it) => it.id === id);
    assert.deepEqual([listed?.state, listed?.metadata], ["ready", config.metadata]);
    await runtime.stopSandbox(id, signal);
    assert.equal((await runtime.sandboxStatus(id, signal))?.state, "not-ready");
    await runtime.stopSandbox(id, signal);
    await runtime.removeSandbox(id, signal);
    assert.equal(await runtime.sandboxStatus(id, signal), undefined);
  });

  test("sandbox: the same name, namespace, uid and attempt is reserved", async () => {
    const tester = get();
    const config = tester.sandboxConfig();
    await tester.withSandbox(config, async () => {
      await tester.fails("name-reserved", tester.runtime.runSandbox(config, tester.signal));
      const next = { ...config, metadata: { ...config.metadata, attempt: 1 } };
      await tester.withSandbox(next, async (id) => {
        const status = await tester.runtime.sandboxStatus(id, tester.signal);
        assert.equal(status?.metadata.attempt, 1);
      });
    });
  });

  test("sandbox: on the node's network it has no address of its own", async () => {
    const tester = get();
    await tester.withSandbox(tester.sandboxConfig({ network: "node" }), async (id) => {
      const status = await tester.runtime.sandboxStatus(id, tester.signal);
      assert.deepEqual([status?.state, status?.ips], ["ready", []]);
    });
  });

  test("unknown ids: ending is success, status is undefined, use is not-found", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const none = "0123456789abcdef";
    await runtime.stopSandbox(none, signal);
    await runtime.removeSandbox(none, signal);
    await runtime.stopContainer(none, 1, signal);
    await runtime.removeContainer(none, signal);
    assert.equal(await runtime.sandboxStatus(none, signal), undefined);
    assert.equal(await runtime.containerStatus(none, signal), undefined);
    const { resources } = tester.containerConfig([]);
    await tester.fails("not-found", runtime.startContainer(none, signal));
    await tester.fails("not-found", runtime.updateResources(none, resources, signal));
    await tester.fails("not-found", runtime.execSync(none, ["true"], 1000, signal));
  });

  test("an aborted call rejects with the signal's reason", async () => {
    const tester = get();
    const reason = new Error("shutting down");
    const stopped = AbortSignal.abort(reason);
    await assert.rejects(tester.runtime.listContainers(stopped), reason);
    await assert.rejects(tester.runtime.runSandbox(tester.sandboxConfig(), stopped), reason);
  });
}
