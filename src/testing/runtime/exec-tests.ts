import assert from "node:assert/strict";
import { test } from "node:test";
import { RuntimeError } from "#cri/runtime.ts";
import type { RuntimeTester } from "./tester.ts";

export function execTests(get: () => RuntimeTester): void {
  test("execSync: outputs apart, exit code as a result", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const script = "echo out; echo err >&2; exit 4";
      const result = await tester.runtime.execSync(id, ["sh", "-c", script], 10_000, tester.signal);
      assert.deepEqual(
        [
          Buffer.from(result.stdout).toString(),
          Buffer.from(result.stderr).toString(),
          result.exitCode,
        ],
        ["out\n", "err\n", 4],
      );
    });
  });

  test("execSync: a command that takes too long is a timeout", async () => {
    const tester = get();
    await tester.withContainer(["sleep", "3600"], async ({ id }) => {
      const running = tester.runtime.execSync(id, ["sleep", "600"], 1000, tester.signal);
      await tester.fails("timeout", running);
    });
  });

  test("execSync: in a container that has exited it fails", async () => {
    const tester = get();
    await tester.withContainer(["true"], async ({ id }) => {
      await tester.exited(id);
      const running = tester.runtime.execSync(id, ["true"], 1000, tester.signal);
      await assert.rejects(running, RuntimeError);
    });
  });
}
