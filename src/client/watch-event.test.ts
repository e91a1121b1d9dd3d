import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeEvents, readEvents } from "./watch-event.ts";

function bytesOf(...events: readonly object[]): Uint8Array {
  return Buffer.from(events.map((it) => `${JSON.stringify(it)}\n`).join(""));
}

async function* body(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function added(n: number): object {
  return { type: "ADDED", object: { n } };
}

const failure = { type: "ERROR", object: { code: 410, message: "too old" } };

test("readEvents: gives the events of each piece, and of a broken line when it is whole", async () => {
  const bytes = bytesOf(added(1), added(2), added(3));
  const batches: unknown[] = [];
  for await (const batch of readEvents(body(bytes.subarray(0, -5), bytes.subarray(-5)))) {
    batches.push(batch);
  }
  assert.deepEqual(batches, [[added(1), added(2)], [added(3)]]);
});

test("decodeEvents: gives the events of whole lines", () => {
  assert.deepEqual(decodeEvents(bytesOf(added(1), added(2))), [added(1), added(2)]);
});

test("readEvents, decodeEvents: an ERROR event is thrown", async () => {
  const bytes = bytesOf(added(1), failure);
  assert.throws(() => decodeEvents(bytes), { code: 410 });
  await assert.rejects(readEvents(body(bytes)).next(), { code: 410 });
});
