import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedEvents, type WatchEvent } from "./watch-event.ts";

function bytesOf(...events: readonly object[]): Uint8Array {
  return Buffer.from(events.map((it) => `${JSON.stringify(it)}\n`).join(""));
}

async function* body(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function read(
  shared: SharedEvents,
  ...pieces: readonly Uint8Array[]
): Promise<(readonly WatchEvent<{ readonly n: number }>[])[]> {
  const batches: (readonly WatchEvent<{ readonly n: number }>[])[] = [];
  for await (const batch of shared.read<{ readonly n: number }>(body(...pieces))) {
    batches.push(batch);
  }
  return batches;
}

function added(n: number): object {
  return { type: "ADDED", object: { n } };
}

test("SharedEvents: the same bytes are decoded once, others for themselves", async () => {
  const shared = new SharedEvents();
  const bytes = bytesOf(added(1), added(2));
  const [first] = await read(shared, bytes);
  const [second] = await read(shared, bytes);
  assert.deepEqual(
    first?.map((it) => it.object.n),
    [1, 2],
  );
  assert.equal(second, first);
  const [copy] = await read(shared, Uint8Array.from(bytes));
  assert.deepEqual(copy, first);
  assert.notEqual(copy, first);
});

test("SharedEvents: an ERROR event is thrown to everybody who reads it", async () => {
  const shared = new SharedEvents();
  const bytes = bytesOf(added(1), { type: "ERROR", object: { code: 410, message: "too old" } });
  for (let reader = 0; reader < 2; reader++) {
    await assert.rejects(read(shared, bytes), { code: 410 });
  }
});
