import assert from "node:assert/strict";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventuallyAnswers } from "#testing/eventually.ts";
import type { RuntimeTester } from "./tester.ts";

export function containerTests(get: () => RuntimeTester): void {
  test("container: created, running, exited by a stop, gone", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const sandbox = tester.sandboxConfig();
    await tester.withSandbox(sandbox, async (sandboxId) => {
      const config = tester.containerConfig(["sleep", "3600"]);
      const id = await runtime.createContainer(sandboxId, config, sandbox, signal);
      const created = await runtime.containerStatus(id, signal);
      assert.deepEqual([created?.state, created?.startedAtMs], ["created", 0]);
      await runtime.startContainer(id, signal);
      const running = await runtime.containerStatus(id, signal);
      assert.equal(running?.state, "running");
      assert.ok(running.startedAtMs >= running.createdAtMs && running.finishedAtMs === 0);
      assert.deepEqual(
        [running.sandboxId, running.metadata, running.labels, running.annotations],
        [sandboxId, config.metadata, config.labels, config.annotations],
      );
      assert.equal(running.image, config.image);
      assert.equal(running.logPath, join(sandbox.logDirectory, config.logPath));
      const listed = (await runtime.listContainers(signal)).find((it) => it.id === id);
      assert.deepEqual(
        [listed?.state, listed?.sandboxId, listed?.image, listed?.metadata],
        ["running", sandboxId, config.image, config.metadata],
      );
      assert.deepEqual([listed?.labels, listed?.annotations], [config.labels, config.annotations]);
      await runtime.stopContainer(id, 0, signal);
      const exited = await tester.exited(id);
      assert.deepEqual([exited.exitCode, exited.reason], [137, "Error"]);
      assert.ok(exited.finishedAtMs >= exited.startedAtMs);
      await runtime.stopContainer(id, 0, signal);
      await runtime.removeContainer(id, signal);
      assert.equal(await runtime.containerStatus(id, signal), undefined);
      await runtime.removeContainer(id, signal);
    });
  });

  const ends: [command: string[], args: string[], code: number, reason: string][] = [
    [["true"], [], 0, "Completed"],
    [["false"], [], 1, "Error"],
    [["sh", "-c"], ["exit 3"], 3, "Error"],
    [["sleep", "0.2"], [], 0, "Completed"],
  ];
  for (const [command, args, code, reason] of ends) {
    test(`container: [${[...command, ...args].join(" ")}] exits ${code} ${reason}`, async () => {
      const tester = get();
      await tester.withContainer(
        command,
        async ({ id }) => {
          const status = await tester.exited(id);
          assert.deepEqual([status.exitCode, status.reason], [code, reason]);
        },
        { args },
      );
    });
  }

  test("container: several in a sandbox, and a second attempt of one", async () => {
    const tester = get();
    const { runtime, signal } = tester;
    const sandbox = tester.sandboxConfig();
    await tester.withSandbox(sandbox, async (sandboxId) => {
      const attempts = [0, 1].map((attempt) =>
        tester.containerConfig(["true"], {
          metadata: { name: "main", attempt },
          logPath: `main/${attempt}.log`,
        }),
      );
      const other = tester.containerConfig(["sleep", "3600"], {
        metadata: { name: "side", attempt: 0 },
        logPath: "side.log",
      });
      await mkdir(join(sandbox.logDirectory, "main"));
      for (const config of [...attempts, other]) {
        const id = await runtime.createContainer(sandboxId, config, sandbox, signal);
        await runtime.startContainer(id, signal);
      }
      const listed = (await runtime.listContainers(signal)).filter(
        (it) => it.sandboxId === sandboxId,
      );
      assert.deepEqual(
        listed.map((it) => `${it.metadata.name}/${it.metadata.attempt}`).toSorted(),
        ["main/0", "main/1", "side/0"],
      );
    });
  });

  test("container: removing the sandbox removes its containers", async () => {
    const tester = get();
    let removed = "";
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      removed = id;
    });
    assert.equal(await tester.runtime.containerStatus(removed, tester.signal), undefined);
  });

  test("container: an image that is not on the node is image-not-found", async () => {
    const tester = get();
    const sandbox = tester.sandboxConfig();
    await tester.withSandbox(sandbox, async (id) => {
      const config = tester.containerConfig(["true"], { image: tester.fixture.missingImage });
      const creating = tester.runtime.createContainer(id, config, sandbox, tester.signal);
      await tester.fails("image-not-found", creating);
    });
  });

  test("container: output goes to the log in CRI's format, by stream", async () => {
    const tester = get();
    await tester.withContainer(["sh", "-c", "echo hello; echo oops >&2"], async ({ id }) => {
      const { logPath } = await tester.exited(id);
      const text = await eventuallyAnswers(
        () => readFile(logPath, "utf8"),
        (it) => it.includes("hello") && it.includes("oops"),
      );
      const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)`;
      assert.match(text, new RegExp(`^${time} stdout F hello$`, "m"));
      assert.match(text, new RegExp(`^${time} stderr F oops$`, "m"));
    });
  });

  test("container: after a rename, reopenLog makes a new log file", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const { runtime, signal } = tester;
      const path = (await runtime.containerStatus(id, signal))?.logPath ?? "";
      await runtime.reopenLog(id, signal);
      await rename(path, `${path}.1`);
      await runtime.reopenLog(id, signal);
      assert.equal(await readFile(path, "utf8"), "");
    });
  });

  test("container: resources of a running one can change", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id, config }) => {
      const resources = { ...config.resources, cpuShares: 512, memoryLimitBytes: 64 * 1024 * 1024 };
      await tester.runtime.updateResources(id, resources, tester.signal);
    });
  });
}
