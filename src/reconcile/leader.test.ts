import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { Client } from "#client/client.ts";
import { leases } from "#client/kinds.ts";
import { TransportError, type Transport } from "#client/transport.ts";
import { openTestApi } from "#testing/test-api.ts";
import { runAsLeader } from "./leader.ts";

const never = new AbortController().signal;
const at = { namespace: "kube-system", name: "test" };

interface Candidate {
  leads: boolean;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

function candidate(identity: string, client: Client, clock: FakeClock): Candidate {
  const stop = new AbortController();
  const ports = { client, clock, random: seededRandom(1), log: silentLogger };
  const state = { leads: false, stop };
  const running = runAsLeader(
    { ...ports, ...at, identity },
    async (signal) => {
      state.leads = true;
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
      state.leads = false;
    },
    stop.signal,
  );
  return Object.assign(state, { running });
}

/** Lets time pass, a second at a time, until the condition holds or `seconds` are over. */
async function passUntil(
  clock: FakeClock,
  seconds: number,
  condition: () => boolean,
): Promise<number> {
  for (let second = 0; second < seconds; second++) {
    for (let turn = 0; turn < 10; turn++) {
      if (condition()) return second;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    await clock.advance(1_000);
  }
  return seconds;
}

test("runAsLeader: one leads; when it stops, it lets go and the other follows soon", async () => {
  await using api = await openTestApi(systemClock);
  const clock = new FakeClock(systemClock.now());
  const first = candidate("first", api.client, clock);
  await passUntil(clock, 5, () => first.leads);
  const second = candidate("second", api.client, clock);
  await passUntil(clock, 60, () => second.leads);
  assert.deepEqual([first.leads, second.leads], [true, false]);

  first.stop.abort(new Error("stopped"));
  await first.running;
  const took = await passUntil(clock, 60, () => second.leads);
  assert.ok(second.leads && took < 15, `took ${took} s`);
  const lease = await api.client.get(leases, at, never);
  assert.equal(lease.spec?.holderIdentity, "second");
  assert.equal(lease.spec.leaseTransitions, 1);
  second.stop.abort(new Error("stopped"));
  await second.running;
});

test("runAsLeader: a leader that cannot renew stops leading before another may start", async () => {
  await using api = await openTestApi(systemClock);
  const clock = new FakeClock(systemClock.now());
  const network = { isDown: false };
  const transport: Transport = {
    async send(request, signal) {
      if (network.isDown) throw new TransportError("down");
      return await api.transport.send(request, signal);
    },
  };
  const first = candidate("first", new Client(transport), clock);
  await passUntil(clock, 5, () => first.leads);
  const second = candidate("second", api.client, clock);
  await passUntil(clock, 5, () => false);
  network.isDown = true;
  const both = { led: false };
  await passUntil(clock, 60, () => {
    both.led ||= first.leads && second.leads;
    return second.leads;
  });
  assert.deepEqual([first.leads, second.leads, both.led], [false, true, false]);
  for (const it of [first, second]) it.stop.abort(new Error("stopped"));
  network.isDown = false;
  await Promise.all([first.running, second.running]);
});
