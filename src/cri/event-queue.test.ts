import assert from "node:assert/strict";
import { test } from "node:test";
import { EventQueue } from "./event-queue.ts";

test("EventQueue: equal events that wait are one; order is kept; the end comes after what waits", async () => {
  const queue = new EventQueue();
  queue.push({ kind: "created", id: "a" });
  queue.push({ kind: "started", id: "a" });
  queue.push({ kind: "created", id: "a" });
  queue.end();
  queue.push({ kind: "exited", id: "a" });
  const kinds: string[] = [];
  for await (const event of queue) kinds.push(event.kind);
  assert.deepEqual(kinds, ["created", "started"]);
});

test("EventQueue: a reader that waits hears of the next event", async () => {
  const queue = new EventQueue();
  const reading = queue[Symbol.asyncIterator]().next();
  queue.push({ kind: "oom", id: "b" });
  assert.deepEqual(await reading, { done: false, value: { kind: "oom", id: "b" } });
});
