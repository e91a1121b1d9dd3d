// Writes to a store until it is killed; says on standard output what was acknowledged and watched.
// Lines: `a <revision> <key> <value>` (value `-` for a delete), `w <revision> <key> <value>`.
import { writeSync } from "node:fs";
import { systemClock } from "#base/clock.ts";
import { seededRandom } from "#base/random.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import { prefixEnd, type Store, type StoreEvent } from "#store/store.ts";

const [directory = "", seed = "1", after = "0"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const signal = new AbortController().signal;
const store: Store = await LmdbStore.open({
  directory,
  clock: systemClock,
  quotaBytes: 1_073_741_824,
});
const range = { start: "/k/", end: prefixEnd("/k/") };

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function sayEvent(event: StoreEvent): void {
  if (event.kind === "delete") say(`w ${event.revision} ${event.key} -`);
  else
    say(
      `w ${event.entry.modRevision} ${event.entry.key} ${new TextDecoder().decode(event.entry.value)}`,
    );
}

async function follow(): Promise<void> {
  for await (const batch of store.watch(range, Number(after), signal)) {
    if (batch.kind === "events") batch.events.forEach(sayEvent);
  }
}

async function write(writer: number): Promise<void> {
  for (let count = 0; ; count++) {
    const key = `/k/${Math.floor(random.next() * 20)}`;
    const current = await store.get(key, signal);
    const ifModRevision = current?.modRevision ?? 0;
    const remove = current !== undefined && random.next() < 0.2;
    const value = `${seed}.${writer}.${count}.${"x".repeat(Math.floor(random.next() * 3_000))}`;
    const result = await store.write(
      remove
        ? { kind: "delete", key, ifModRevision }
        : { kind: "put", key, value: Buffer.from(value), ifModRevision },
      signal,
    );
    if (result.kind === "ok") say(`a ${result.revision} ${key} ${remove ? "-" : value}`);
  }
}

async function compactNowAndThen(): Promise<void> {
  for (;;) {
    await systemClock.sleep(20 * random.next(), signal);
    const revision = await store.currentRevision(signal);
    // Well behind: the reader of this program's output checks the history above.
    if (revision > 5_000) await store.compact(revision - 5_000, signal);
  }
}

await Promise.all([
  follow(),
  compactNowAndThen(),
  ...Array.from({ length: 8 }, async (_, i) => {
    await write(i);
  }),
]);
