import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { storeSuite } from "#testing/store-suite.ts";
import { StoreUnavailableError, type Store } from "#store/store.ts";
import { LmdbStore } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "gantry-lmdb-"));
const signal = new AbortController().signal;
let opened = 0;

after(() => {
  rmSync(root, { recursive: true, force: true });
});

function fresh(): string {
  opened += 1;
  return join(root, String(opened));
}

async function open(directory: string, quotaBytes = 1_073_741_824): Promise<Store> {
  return await LmdbStore.open({ directory, clock: new FakeClock(), quotaBytes });
}

storeSuite("LmdbStore", async () => await open(fresh()));

function bytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(120);
}

test("LmdbStore: everything is there after it was closed and opened again", async () => {
  const directory = fresh();
  let compacted = 0;
  {
    await using store = await open(directory);
    for (let i = 0; i < 50; i++) {
      await store.write(
        {
          kind: "put",
          key: `/k/${i % 10}`,
          value: bytes(i),
          ifModRevision: i < 10 ? 0 : i - 10 + 2,
        },
        signal,
      );
    }
    compacted = (await store.currentRevision(signal)) - 20;
    await store.compact(compacted, signal);
  }
  await using store = await open(directory);
  assert.equal(await store.currentRevision(signal), 51);
  const range = { start: "/k/", end: "/k0" };
  const now = await store.range({ ...range, limit: 0 }, signal);
  assert.deepEqual(
    now.entries.map((it) => [it.key, it.value.length, it.createRevision, it.modRevision]),
    Array.from({ length: 10 }, (_, i) => [`/k/${i}`, 40 + i, 2 + i, 42 + i]),
  );
  const replayed: number[] = [];
  for await (const batch of store.watch(range, compacted, signal)) {
    if (batch.kind === "events")
      replayed.push(...batch.events.map((it) => (it.kind === "put" ? it.entry.modRevision : 0)));
    if (replayed.length === 20) break;
  }
  assert.deepEqual(
    replayed,
    Array.from({ length: 20 }, (_, i) => compacted + 1 + i),
  );
});

test("LmdbStore: a full database refuses puts, allows deletes, and takes puts again", async () => {
  await using store = await open(fresh(), 300_000);
  const value = bytes(50_000);
  const written: number[] = [];
  for (let i = 0; i < 20; i++) {
    const put = store.write({ kind: "put", key: `/k/${i}`, value, ifModRevision: 0 }, signal);
    const result = await put.catch((error: unknown) => {
      assert.ok(error instanceof StoreUnavailableError);
      assert.match(error.message, /quota of 300000 bytes/);
    });
    if (result?.kind === "ok") written.push(result.revision);
  }
  assert.ok(written.length > 2 && written.length < 20);
  for (const [i, revision] of written.entries()) {
    const gone = await store.write(
      { kind: "delete", key: `/k/${i}`, ifModRevision: revision },
      signal,
    );
    assert.equal(gone.kind, "ok");
  }
  await store.compact(await store.currentRevision(signal), signal);
  const again = await store.write({ kind: "put", key: "/again", value, ifModRevision: 0 }, signal);
  assert.equal(again.kind, "ok");
});

test("LmdbStore: writing and compacting the same keys does not grow the database", async () => {
  await using store = await open(fresh());
  const value = bytes(3_000);
  let sizes: number[] = [];
  const revisions = new Map<string, number>();
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 10; i++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const key = `/k/${n}`;
          const ifModRevision = revisions.get(key) ?? 0;
          const result = await store.write({ kind: "put", key, value, ifModRevision }, signal);
          if (result.kind === "ok") revisions.set(key, result.revision);
        }),
      );
    }
    await store.compact(await store.currentRevision(signal), signal);
    sizes = [...sizes, await store.sizeBytes(signal)];
  }
  assert.ok((sizes.at(-1) ?? 0) <= (sizes[3] ?? 0) * 1.5, sizes.join(" "));
});
