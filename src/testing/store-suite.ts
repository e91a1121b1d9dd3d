import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CompactedError,
  FutureRevisionError,
  prefixEnd,
  type Entry,
  type Store,
  type WatchBatch,
  type WriteResult,
} from "#store/store.ts";

const never = new AbortController().signal;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(entry: Entry | undefined): string | undefined {
  return entry === undefined ? undefined : new TextDecoder().decode(entry.value);
}

function prefix(start: string): { start: string; end: string } {
  return { start, end: prefixEnd(start) };
}

async function put(
  store: Store,
  key: string,
  value: string,
  ifModRevision = 0,
): Promise<WriteResult> {
  return await store.write({ kind: "put", key, value: bytes(value), ifModRevision }, never);
}

async function putOk(store: Store, key: string, value: string, ifModRevision = 0): Promise<number> {
  const result = await put(store, key, value, ifModRevision);
  assert.equal(result.kind, "ok", `put ${key}`);
  return result.revision;
}

async function removeOk(store: Store, key: string, ifModRevision: number): Promise<number> {
  const result = await store.write({ kind: "delete", key, ifModRevision }, never);
  assert.equal(result.kind, "ok", `delete ${key}`);
  return result.revision;
}

/** `+/a@2` for a put, `-/a@3` for a delete. */
function show(batch: WatchBatch): string[] {
  if (batch.kind === "progress") return [];
  return batch.events.map((it) =>
    it.kind === "put" ? `+${it.entry.key}@${it.entry.modRevision}` : `-${it.key}@${it.revision}`,
  );
}

/** Reads a watch until it has shown `count` events. */
async function collect(watch: AsyncIterable<WatchBatch>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of watch) {
    seen.push(...show(batch));
    if (seen.length >= count) break;
  }
  return seen;
}

/** What every {@link Store} promises. `open` gives an empty store; the suite disposes it. */
export function storeSuite(name: string, open: () => Promise<Store>): void {
  writes(name, open);
  ranges(name, open);
  watches(name, open);
  compaction(name, open);
  leases(name, open);
}

function writes(name: string, open: () => Promise<Store>): void {
  test(`${name}: a put succeeds only on the revision it names`, async () => {
    await using store = await open();
    const created = await putOk(store, "/a", "1");
    const refused = await put(store, "/a", "2");
    assert.equal(refused.kind, "conflict");
    assert.equal(text(refused.current), "1");
    const updated = await putOk(store, "/a", "2", created);
    assert.ok(updated > created);
    const entry = await store.get("/a", never);
    assert.deepEqual([entry?.createRevision, entry?.modRevision], [created, updated]);
    assert.equal(text(entry), "2");
  });

  test(`${name}: a delete succeeds only on the revision it names, and gives what was there`, async () => {
    await using store = await open();
    const created = await putOk(store, "/a", "1");
    const wrong = await store.write(
      { kind: "delete", key: "/a", ifModRevision: created + 7 },
      never,
    );
    assert.equal(wrong.kind, "conflict");
    const gone = await store.write({ kind: "delete", key: "/a", ifModRevision: created }, never);
    assert.equal(gone.kind === "ok" ? text(gone.previous) : "", "1");
    assert.equal(await store.get("/a", never), undefined);
    const again = await store.write({ kind: "delete", key: "/a", ifModRevision: created }, never);
    assert.deepEqual(again, { kind: "conflict", current: undefined });
  });

  test(`${name}: a key that is made again has a new createRevision`, async () => {
    await using store = await open();
    await removeOk(store, "/a", await putOk(store, "/a", "1"));
    const revision = await putOk(store, "/a", "2");
    assert.equal((await store.get("/a", never))?.createRevision, revision);
  });

  test(`${name}: every write has its own revision, and the current one is never behind`, async () => {
    await using store = await open();
    const results = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => await putOk(store, `/k/${i}`, String(i))),
    );
    assert.equal(new Set(results).size, 100);
    assert.equal(await store.currentRevision(never), Math.max(...results));
  });

  test(`${name}: of writers that race for one revision, one wins`, async () => {
    await using store = await open();
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => await put(store, "/a", String(i))),
    );
    assert.equal(results.filter((it) => it.kind === "ok").length, 1);
  });

  test(`${name}: values of 1 byte and of 1.5 MB come back as they were`, async () => {
    await using store = await open();
    const large = new Uint8Array(1_500_000).map((_, i) => i % 251);
    await store.write({ kind: "put", key: "/large", value: large, ifModRevision: 0 }, never);
    await putOk(store, "/small", "x");
    const found = await store.get("/large", never);
    assert.equal(Buffer.compare(Buffer.from(found?.value ?? []), Buffer.from(large)), 0);
    assert.equal(text(await store.get("/small", never)), "x");
  });
}

function ranges(name: string, open: () => Promise<Store>): void {
  test(`${name}: a range is in key order, cut by its limit, with the count of all`, async () => {
    await using store = await open();
    for (const key of ["/b/2", "/a/1", "/b/1", "/b/3", "/c/1"]) await putOk(store, key, key);
    const all = await store.range({ ...prefix("/b/"), limit: 0 }, never);
    assert.deepEqual(
      all.entries.map((it) => it.key),
      ["/b/1", "/b/2", "/b/3"],
    );
    const page = await store.range({ ...prefix("/b/"), limit: 2 }, never);
    assert.deepEqual(
      page.entries.map((it) => it.key),
      ["/b/1", "/b/2"],
    );
    assert.equal(page.count, 3);
    assert.equal(page.revision, await store.currentRevision(never));
  });

  test(`${name}: a range at a revision shows the state of that moment`, async () => {
    await using store = await open();
    const a = await putOk(store, "/k/a", "1");
    const b = await putOk(store, "/k/b", "1");
    const a2 = await putOk(store, "/k/a", "2", a);
    const gone = await removeOk(store, "/k/b", b);
    async function at(revision: number): Promise<string[]> {
      const { entries } = await store.range({ ...prefix("/k/"), limit: 0, revision }, never);
      return entries.map((it) => `${it.key}=${text(it) ?? ""}@${it.modRevision}`);
    }
    assert.deepEqual(await at(a), [`/k/a=1@${a}`]);
    assert.deepEqual(await at(b), [`/k/a=1@${a}`, `/k/b=1@${b}`]);
    assert.deepEqual(await at(a2), [`/k/a=2@${a2}`, `/k/b=1@${b}`]);
    assert.deepEqual(await at(gone), [`/k/a=2@${a2}`]);
    assert.equal(text(await store.get("/k/a", never, b)), "1");
    assert.equal(text(await store.get("/k/b", never, gone)), undefined);
  });

  test(`${name}: a revision in the future is refused`, async () => {
    await using store = await open();
    const revision = (await putOk(store, "/a", "1")) + 10;
    await assert.rejects(
      store.range({ ...prefix("/"), limit: 0, revision }, never),
      FutureRevisionError,
    );
    await assert.rejects(store.get("/a", never, revision), FutureRevisionError);
  });
}

function watches(name: string, open: () => Promise<Store>): void {
  test(`${name}: a watch replays history, follows, and leaves other keys out`, async () => {
    await using store = await open();
    const start = await store.currentRevision(never);
    const a = await putOk(store, "/pods/a", "1");
    await putOk(store, "/nodes/x", "1");
    const seen = collect(store.watch(prefix("/pods/"), start, never), 3);
    const b = await putOk(store, "/pods/b", "1");
    const gone = await removeOk(store, "/pods/a", a);
    assert.deepEqual(await seen, [`+/pods/a@${a}`, `+/pods/b@${b}`, `-/pods/a@${gone}`]);
  });

  test(`${name}: events carry the value they replace`, async () => {
    await using store = await open();
    const first = await putOk(store, "/a", "1");
    const second = await putOk(store, "/a", "2", first);
    await removeOk(store, "/a", second);
    const previous: (string | undefined)[] = [];
    for await (const batch of store.watch(prefix("/"), first - 1, never)) {
      if (batch.kind === "events") previous.push(...batch.events.map((it) => text(it.previous)));
      if (previous.length >= 3) break;
    }
    assert.deepEqual(previous, [undefined, "1", "2"]);
  });

  test(`${name}: a watch resumed between any two events misses and repeats none`, async () => {
    await using store = await open();
    const start = await store.currentRevision(never);
    const revisions: number[] = [];
    for (let i = 0; i < 10; i++) revisions.push(await putOk(store, `/k/${i}`, "v"));
    const all = await collect(store.watch(prefix("/k/"), start, never), 10);
    for (let cut = 0; cut < 10; cut++) {
      const after = cut === 0 ? start : (revisions[cut - 1] ?? 0);
      const rest = await collect(store.watch(prefix("/k/"), after, never), 10 - cut);
      assert.deepEqual(rest, all.slice(cut));
    }
  });

  test(`${name}: a watch has an event no later than its write is acknowledged`, async () => {
    await using store = await open();
    const stop = new AbortController();
    const watch = store.watch(prefix("/k/"), await store.currentRevision(never), stop.signal);
    const seen: string[] = [];
    const following = (async () => {
      for await (const batch of watch) seen.push(...show(batch));
    })();
    const revision = await putOk(store, "/k/a", "1");
    store.requestProgress();
    for await (const batch of store.watch(prefix("/k/"), revision - 1, never)) {
      if (batch.revision >= revision) break;
    }
    stop.abort();
    await following;
    assert.deepEqual(seen, [`+/k/a@${revision}`]);
  });

  test(`${name}: requested progress tells a quiet watch how far it is`, async () => {
    await using store = await open();
    const start = await store.currentRevision(never);
    const watch = store.watch(prefix("/quiet/"), start, never)[Symbol.asyncIterator]();
    const first = watch.next();
    const revision = await putOk(store, "/loud/a", "1");
    let reached = 0;
    store.requestProgress();
    for (let result = await first; result.done !== true; result = await watch.next()) {
      assert.equal(result.value.kind, "progress");
      reached = result.value.revision;
      if (reached >= revision) break;
      store.requestProgress();
    }
    await watch.return?.();
    assert.ok(reached >= revision);
  });

  test(`${name}: an aborted watch ends`, async () => {
    await using store = await open();
    const stop = new AbortController();
    const watch = store.watch(prefix("/"), await store.currentRevision(never), stop.signal);
    const ended = collect(watch, 1);
    stop.abort();
    assert.deepEqual(await ended, []);
  });
}

function compaction(name: string, open: () => Promise<Store>): void {
  test(`${name}: compaction forgets history and keeps values`, async () => {
    await using store = await open();
    const first = await putOk(store, "/a", "1");
    const second = await putOk(store, "/a", "2", first);
    const other = await putOk(store, "/b", "1");
    const gone = await removeOk(store, "/b", other);
    await store.compact(gone, never);
    await store.compact(gone, never);
    assert.equal(text(await store.get("/a", never)), "2");
    assert.equal((await store.get("/a", never))?.modRevision, second);
    assert.equal((await store.range({ ...prefix("/"), limit: 0 }, never)).count, 1);
    await assert.rejects(store.get("/a", never, first), CompactedError);
    const late = store.watch(prefix("/"), first, never)[Symbol.asyncIterator]();
    await assert.rejects(async () => await late.next(), CompactedError);
    const next = await putOk(store, "/c", "1");
    assert.deepEqual(await collect(store.watch(prefix("/"), gone, never), 1), [`+/c@${next}`]);
  });
}

function leases(name: string, open: () => Promise<Store>): void {
  test(`${name}: keys end with their lease, and a renewed lease lives`, async () => {
    await using store = await open();
    const lease = await store.grantLease(60, never);
    const value = bytes("1");
    const written = await store.write(
      { kind: "put", key: "/l/a", value, ifModRevision: 0, lease },
      never,
    );
    assert.equal(written.kind, "ok");
    assert.equal(await store.renewLease(lease, never), true);
    const after = await store.currentRevision(never);
    const seen = collect(store.watch(prefix("/l/"), after, never), 1);
    await store.revokeLease(lease, never);
    assert.deepEqual(await seen, [`-/l/a@${await store.currentRevision(never)}`]);
    assert.equal(await store.renewLease(lease, never), false);
    assert.equal(await store.get("/l/a", never), undefined);
  });
}
