import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { FakeClock } from "#base/clock.ts";
import { seededRandom } from "#base/random.ts";
import { LmdbStore } from "#store/lmdb/store.ts";
import { prefixEnd, type Store } from "#store/store.ts";

const rounds = 200;
const signal = new AbortController().signal;

interface Said {
  /** Revision to `key value`, as acknowledged. */
  readonly acknowledged: Map<number, string>;
  /** In the order in which the watch showed them. */
  readonly watched: { readonly revision: number; readonly what: string }[];
}

/** Runs the writer and kills it some milliseconds after its first acknowledged write. */
async function runAndKill(
  directory: string,
  seed: number,
  after: number,
  ms: number,
): Promise<Said> {
  const program = join(import.meta.dirname, "programs", "store-writer.ts");
  const args = [program, directory, String(seed), String(after)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const said: Said = { acknowledged: new Map(), watched: [] };
  const first = Promise.withResolvers<undefined>();
  let rest = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [kind, revision, ...what] = line.split(" ");
      if (kind === "a") {
        said.acknowledged.set(Number(revision), what.join(" "));
        first.resolve(undefined);
      } else {
        said.watched.push({ revision: Number(revision), what: what.join(" ") });
      }
    }
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  await Promise.race([first.promise, closed]);
  await setTimeout(ms);
  child.kill("SIGKILL");
  await closed;
  return said;
}

/** Every revision after `after`, as a store that is opened anew shows it. */
async function history(directory: string, after: number): Promise<Map<number, string>> {
  const options = { directory, clock: new FakeClock(), quotaBytes: 1_073_741_824 };
  await using store: Store = await LmdbStore.open(options);
  const last = await store.currentRevision(signal);
  const found = new Map<number, string>();
  if (last <= after) return found;
  const range = { start: "/k/", end: prefixEnd("/k/") };
  for await (const batch of store.watch(range, after, signal)) {
    if (batch.kind === "progress") continue;
    for (const event of batch.events) {
      if (event.kind === "delete") found.set(event.revision, `${event.key} -`);
      else
        found.set(
          event.entry.modRevision,
          `${event.entry.key} ${new TextDecoder().decode(event.entry.value)}`,
        );
    }
    if (batch.revision >= last) break;
  }
  return found;
}

test(`LmdbStore: ${rounds} times SIGKILL loses nothing acknowledged, and no watch has a gap`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-kill-"));
  const random = seededRandom(20_261_121);
  let last = 1;
  let acknowledged = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const said = await runAndKill(directory, round, last, random.next() * 60);
      const stored = await history(directory, last);
      for (const [revision, what] of said.acknowledged) {
        assert.equal(
          stored.get(revision),
          what,
          `round ${round}: acknowledged revision ${revision}`,
        );
      }
      said.watched.forEach((it, i) => {
        assert.equal(it.revision, last + 1 + i, `round ${round}: the watch has a gap`);
        assert.equal(stored.get(it.revision), it.what, `round ${round}: watched and then lost`);
      });
      const revisions = [...stored.keys()];
      assert.deepEqual(
        revisions,
        revisions.map((_, i) => last + 1 + i),
        "revisions have no gaps",
      );
      acknowledged += said.acknowledged.size;
      last += stored.size;
    }
    assert.ok(acknowledged > rounds * 5, `only ${acknowledged} writes were acknowledged`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
