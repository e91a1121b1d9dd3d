import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FakeClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { Runtime, SandboxStatus } from "#cri/runtime.ts";
import { sandbox } from "#testing/pod-fixtures.ts";
import { RuntimeCache } from "./runtime-cache.ts";

const signal = new AbortController().signal;
const labels = { "io.kubernetes.pod.uid": "u1" };

test("RuntimeCache: a sandbox that an event took for a container stays known", async () => {
  const answers: ((status: undefined) => void)[] = [];
  const runtime = {
    containerStatus: () => new Promise<undefined>((resolve) => answers.push(resolve)),
    sandboxStatus: async (): Promise<SandboxStatus> => sandbox({ labels }),
  } as Partial<Runtime> as Runtime;
  const changes: string[] = [];
  const cache = new RuntimeCache({
    runtime,
    clock: new FakeClock(),
    log: silentLogger,
    terminationMessage: async () => "",
    onChange: (uid) => {
      changes.push(`${uid}:${cache.get(uid).sandboxes.length}`);
    },
  });
  // Two events come before anything is known, then whoever made the sandbox reads it.
  const first = cache.follow({ kind: "created", id: "s0" }, signal);
  const made = cache.refreshSandbox("s0", signal);
  const second = cache.follow({ kind: "started", id: "s0" }, signal);
  for (let turn = 0; turn < 10; turn += 1) {
    await setImmediate();
    answers.shift()?.(undefined);
  }
  await Promise.all([first, made, second]);
  assert.equal(cache.get("u1").sandboxes.length, 1);
  assert.deepEqual(changes, ["u1:1"]);
});
