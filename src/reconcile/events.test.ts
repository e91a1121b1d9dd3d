import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { Client } from "#client/client.ts";
import { events, pods } from "#client/kinds.ts";
import { eventually } from "#testing/eventually.ts";
import { openTestApi } from "#testing/test-api.ts";
import { EventCorrelator } from "./event-correlator.ts";
import { EventSender } from "./events.ts";

const never = new AbortController().signal;
const about = { kind: "Pod", namespace: "d", name: "a", uid: "u" };

/** `C1` created, `R3` third repetition, `!` for a combined message, `-` dropped. */
function correlate(messages: readonly string[], everyMs = 0): string {
  const correlator = new EventCorrelator();
  return messages
    .map((message, i) => {
      const content = { type: "Normal", reason: "R", message } as const;
      const step = correlator.correlate(about, content, i * everyMs);
      if (step.kind === "drop") return "-";
      const mark = step.message.startsWith("(combined from similar events): ") ? "!" : "";
      return `${step.kind === "create" ? "C" : "R"}${step.count}${mark}`;
    })
    .join(" ");
}

const different = Array.from({ length: 12 }, (_, i) => `m${i}`);
const cases: [name: string, messages: string[], everyMs: number, want: string][] = [
  ["the same is counted", ["a", "a", "b", "a"], 0, "C1 R2 C1 R3"],
  ["too many different ones are told as one", different, 0, `${"C1 ".repeat(10)}C1! R2!`],
  ["far apart they are not alike", different, 600_001, "C1 ".repeat(12).trim()],
  [
    "too many are dropped",
    Array<string>(27).fill("a"),
    0,
    `C1 ${Array.from({ length: 24 }, (_, i) => `R${i + 2}`).join(" ")} - -`,
  ],
];

for (const [name, messages, everyMs, want] of cases) {
  test(`EventCorrelator: ${name}`, () => {
    assert.equal(correlate(messages, everyMs), want);
  });
}

test("EventCorrelator: what was dropped counts in what is told later", () => {
  const correlator = new EventCorrelator();
  const content = { type: "Normal", reason: "R", message: "a" } as const;
  const other = { ...content, reason: "S" };
  for (let i = 0; i < 30; i++) correlator.correlate(about, content, 0);
  assert.equal(correlator.correlate(about, other, 0).kind, "drop");
  const told = correlator.correlate(about, content, 300_000);
  assert.deepEqual([told.kind, "count" in told ? told.count : 0], ["repeat", 31]);
  const first = correlator.correlate(about, other, 600_000);
  assert.deepEqual(first.kind === "repeat" ? [first.count, first.event] : [], [2, undefined]);
});

test("EventSender: a repeated event is one object with a count", async () => {
  await using api = await openTestApi(systemClock);
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const { client } = api;
  const sender = new EventSender({ client, clock, log: silentLogger, component: "tester" });
  const stop = new AbortController();
  const running = sender.run(stop.signal);
  const pod = { metadata: { namespace: "default", name: "a", uid: "u" } };
  for (let i = 0; i < 3; i++) {
    sender.record(pods, pod, { type: "Warning", reason: "Failed", message: "no image" });
  }
  await eventually(async () => {
    const { items } = await client.list(events, { namespace: "default" }, never);
    assert.deepEqual(
      items.map((it) => [it.count, it.reason, it.message, it.type, it.source?.component]),
      [[3, "Failed", "no image", "Warning", "tester"]],
    );
    assert.equal(items[0]?.involvedObject.kind, "Pod");
  });
  stop.abort();
  await running;
});

test("EventSender: without a way out it drops and counts, and never blocks", () => {
  const clock = new FakeClock();
  const log = silentLogger;
  const client = new Client({ send: () => assert.fail("not running") });
  const sender = new EventSender({ client, clock, log, component: "t" });
  const pod = { metadata: { namespace: "d", name: "a", uid: "u" } };
  for (let i = 0; i < 1_010; i++) {
    sender.record(pods, pod, { type: "Normal", reason: "R", message: String(i) });
  }
  assert.equal(sender.dropped, 10);
});
