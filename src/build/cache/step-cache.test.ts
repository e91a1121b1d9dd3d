import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { stepKey } from "./key.ts";
import { makeCacheLayout, type CacheLayout } from "./layout.ts";
import { measureMounts, shrinkMounts, useMount } from "./mount-cache.ts";
import { deadSessions, isStepUsed, Session } from "./session.ts";
import { StepCache } from "./step-cache.ts";

interface Given extends Disposable {
  readonly layout: CacheLayout;
  readonly cache: StepCache;
  readonly clock: FakeClock;
  readonly session: Session;
  /** Adds a step of so many bytes. */
  add(name: string, bytes: number): string;
}

function open(): Given {
  const layout = makeCacheLayout(mkdtempSync(join(tmpdir(), "steps-")));
  const clock = new FakeClock(1_000_000);
  const cache = new StepCache(layout, clock);
  const session = Session.open(layout);
  return {
    layout,
    cache,
    clock,
    session,
    add: (name, sizeBytes) => {
      const directory = session.newDirectory("files");
      writeFileSync(join(directory, "file"), name);
      const key = stepKey(name);
      cache.add({ key, title: name, opaque: [], sizeBytes }, directory, session);
      return key;
    },
    [Symbol.dispose]: () => {
      rmSync(layout.root, { recursive: true });
    },
  };
}

test("StepCache: what was added is found, by its key and by others", () => {
  using given = open();
  const { cache, session } = given;
  const key = given.add("a", 1);
  assert.equal(cache.find(key, session)?.title, "a");
  assert.equal(cache.find(stepKey("b"), session), undefined);
  const alias = stepKey("alias");
  assert.equal(cache.findAlias(alias, session), undefined);
  cache.addAlias(alias, key);
  assert.equal(cache.findAlias(alias, session)?.key, key);
  const layer = { mediaType: "m", digest: "d", size: 1, diffId: "i" };
  cache.addLayer(key, "none", layer);
  assert.deepEqual(cache.find(key, session)?.layers["none"], layer);
});

test("StepCache: one that is there already stays", () => {
  using given = open();
  const first = given.add("a", 1);
  const again = given.session.newDirectory("files");
  const step = { key: first, title: "again", opaque: [], sizeBytes: 2 };
  assert.equal(given.cache.add(step, again, given.session).title, "a");
});

test("StepCache: a record without its files, or files without a record, are nothing", () => {
  using given = open();
  const key = given.add("a", 1);
  rmSync(join(given.layout.layers, key.slice(0, 12)), { recursive: true });
  assert.equal(given.cache.find(key, given.session), undefined);
  mkdirSync(join(given.layout.layers, "0123456789ab"));
  given.cache.removeLost(() => false);
  assert.deepEqual(readdirSync(given.layout.layers), []);
});

test("StepCache: shrinks by what was used longest ago, and never what is in use", async () => {
  using given = open();
  const { cache, clock, session } = given;
  const keys: string[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    keys.push(given.add(name, 95_904));
    await clock.advance(10_000);
  }
  const [a = "", b = "", c = "", d = ""] = keys;
  cache.addAlias(stepKey("alias of b"), b);
  cache.find(a, session);
  const { freedBytes } = cache.shrink(200_000, (key) => key === c);
  assert.equal(freedBytes, 200_000);
  const left = keys.filter((it) => cache.find(it, session) !== undefined);
  assert.deepEqual(left, [a, c]);
  assert.ok(!left.includes(d));
  assert.deepEqual(readdirSync(given.layout.aliases), []);
});

test("Session: keeps what it uses, and is known to be dead when its process is", () => {
  using given = open();
  const { layout, session } = given;
  const key = given.add("a", 1);
  assert.ok(isStepUsed(layout, key));
  assert.deepEqual(deadSessions(layout), []);
  const dead = join(layout.sessions, "1-0-0");
  mkdirSync(dead);
  assert.deepEqual(deadSessions(layout), [dead]);
  session.close();
  assert.ok(!isStepUsed(layout, key));
});

test("shrinkMounts: directories that were not used for longest go first", async () => {
  using given = open();
  const { layout, clock } = given;
  for (const name of ["old", "new"]) {
    mkdirSync(join(layout.mounts, name));
    writeFileSync(join(layout.mounts, name, "file"), Buffer.alloc(100));
    const session = Session.open(layout);
    useMount(name, session);
    measureMounts(layout, session, clock);
    session.close();
    await clock.advance(10_000);
  }
  shrinkMounts(layout, 200, () => false);
  assert.ok(existsSync(join(layout.mounts, "old")));
  shrinkMounts(layout, 150, () => false);
  assert.deepEqual(readdirSync(layout.mounts).toSorted(), ["new", "new.size"]);
  shrinkMounts(layout, 0, () => true);
  assert.ok(existsSync(join(layout.mounts, "new")));
});
