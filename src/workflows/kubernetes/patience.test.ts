import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "#api/status.ts";
import { FakeClock } from "#base/clock.ts";
import { TransportError } from "#client/transport.ts";
import { mayPass, patiently } from "./patience.ts";

const quota = new StatusError(403, "Forbidden", 'pods "a" is forbidden: exceeded quota: few');

test("what may pass: servers that are away or busy, full quotas", () => {
  const cases: readonly (readonly [unknown, boolean])[] = [
    [new TransportError("refused"), true],
    [quota, true],
    [new StatusError(403, "Forbidden", "not allowed"), false],
    [new StatusError(404, "NotFound", "gone"), false],
    [new StatusError(422, "Invalid", "wrong"), false],
    [new StatusError(429, "TooManyRequests", "busy"), true],
    [new StatusError(503, "ServiceUnavailable", "starting"), true],
    [new Error("mine"), false],
  ];
  for (const [error, want] of cases) assert.equal(mayPass(error), want, String(error));
});

test("a failure that passes is told once; one that lasts is thrown at the end", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const told: unknown[] = [];
  const run = async (failures: number): Promise<number> => {
    let tries = 0;
    const act = (): Promise<number> => {
      tries += 1;
      return tries <= failures ? Promise.reject(quota) : Promise.resolve(tries);
    };
    const bounds = { clock, forMs: 5_000 };
    const done = patiently(act, bounds, (error) => told.push(error), signal);
    done.catch(() => undefined);
    for (let second = 0; second < 8; second += 1) await clock.advance(1_000);
    return await done;
  };
  assert.equal(await run(3), 4);
  assert.deepEqual(told, [quota]);
  await assert.rejects(run(100), quota);
});
