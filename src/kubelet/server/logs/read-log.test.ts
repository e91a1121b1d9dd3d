import assert from "node:assert/strict";
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { eventually } from "#testing/eventually.ts";
import type { LogOptions } from "./options.ts";
import { readLog } from "./read-log.ts";

const all: LogOptions = {
  follow: false,
  timestamps: false,
  sinceMs: undefined,
  tailLines: undefined,
  limitBytes: undefined,
  streams: { stdout: true, stderr: true },
};

function entry(text: string, tag = "F"): string {
  return `2026-01-02T03:04:05.123456789Z stdout ${tag} ${text}\n`;
}

suite("read log", () => {
  let directory = "";
  let files = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "gantry-log-"));
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  async function logFile(content: string): Promise<string> {
    files += 1;
    const path = join(directory, `${files}.log`);
    await writeFile(path, content);
    return path;
  }

  async function read(path: string, options: Partial<LogOptions>): Promise<string> {
    const source = { path, ended: () => Promise.resolve() };
    const pieces: Buffer[] = [];
    const signal = new AbortController().signal;
    for await (const piece of readLog(source, { ...all, ...options }, signal)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }

  const small = entry("one") + entry("tw", "P") + entry("o", "F") + entry("three");
  const tails: [lines: number, want: string][] = [
    [0, ""],
    [1, "three\n"],
    [2, "two\nthree\n"],
    [3, "one\ntwo\nthree\n"],
    [9, "one\ntwo\nthree\n"],
  ];
  for (const [lines, want] of tails) {
    test(`the last ${lines} lines`, async () => {
      const path = await logFile(small);
      assert.equal(await read(path, { tailLines: lines }), want);
    });
  }

  test("a line that is not finished counts as one", async () => {
    const path = await logFile(small + entry("$ ", "P"));
    assert.equal(await read(path, { tailLines: 2 }), "three\n$ ");
  });

  test("the last lines of a file of many blocks, for every number of them", async () => {
    const lines = Array.from(
      { length: 2_000 },
      (_, index) => `${index} ${"x".repeat(index % 300)}`,
    );
    const text = lines.map((it, index) =>
      index % 7 === 0 ? entry(it.slice(0, 3), "P") + entry(it.slice(3)) : entry(it),
    );
    const path = await logFile(text.join(""));
    for (const count of [1, 2, 250, 251, 252, 999, 1_999, 2_000, 5_000]) {
      const want = lines.slice(-count).map((it) => `${it}\n`);
      assert.equal(await read(path, { tailLines: count }), want.join(""), `${count} lines`);
    }
  });

  test("entries longer than a block", async () => {
    const long = "y".repeat(150_000);
    const path = await logFile(entry("one") + entry(long) + entry("three"));
    assert.equal(await read(path, { tailLines: 2 }), `${long}\nthree\n`);
  });

  test("a missing file is an empty log", async () => {
    assert.equal(await read(join(directory, "missing.log"), {}), "");
  });

  test("lines, bytes and times together", async () => {
    const path = await logFile(small);
    const options = { tailLines: 2, limitBytes: 34, timestamps: true };
    assert.equal(await read(path, options), "2026-01-02T03:04:05.123456789Z two");
  });

  interface Following {
    readonly text: () => string;
    readonly end: () => void;
    readonly done: Promise<void>;
    readonly abort: () => void;
  }

  function follow(path: string, options: Partial<LogOptions> = {}): Following {
    const ended = Promise.withResolvers<undefined>();
    const stop = new AbortController();
    const source = {
      path,
      async ended(signal: AbortSignal) {
        signal.addEventListener("abort", () => {
          ended.resolve(undefined);
        });
        await ended.promise;
      },
    };
    let text = "";
    async function run(): Promise<void> {
      const settings = { ...all, ...options, follow: true };
      for await (const piece of readLog(source, settings, stop.signal)) text += piece.toString();
    }
    return {
      text: () => text,
      end: () => {
        ended.resolve(undefined);
      },
      abort: () => {
        stop.abort(new Error("left"));
      },
      done: run(),
    };
  }

  async function shows(following: Following, want: string): Promise<void> {
    await eventually(() => {
      assert.equal(following.text(), want);
    }, 5_000);
  }

  test("followed: shows what is appended, and ends with the container", async () => {
    const path = await logFile(small);
    const following = follow(path, { tailLines: 1 });
    await shows(following, "three\n");
    await appendFile(path, entry("four").slice(0, 20));
    await appendFile(path, entry("four").slice(20));
    await shows(following, "three\nfour\n");
    await appendFile(path, entry("last"));
    following.end();
    await following.done;
    assert.equal(following.text(), "three\nfour\nlast\n");
  });

  test("followed: rotation loses nothing, even what is written late to the old file", async () => {
    const path = await logFile(entry("one"));
    const following = follow(path);
    await shows(following, "one\n");
    let want = "one\n";
    for (let round = 1; round <= 3; round += 1) {
      await rename(path, `${path}.${round}`);
      await appendFile(`${path}.${round}`, entry(`late ${round}`));
      await writeFile(path, entry(`new ${round}`));
      want += `late ${round}\nnew ${round}\n`;
      await shows(following, want);
    }
    following.end();
    await following.done;
  });

  test("followed: a file that was cut is read from its start", async () => {
    const path = await logFile(entry("one") + entry("two"));
    const following = follow(path);
    await shows(following, "one\ntwo\n");
    await truncate(path);
    await appendFile(path, entry("new"));
    await shows(following, "one\ntwo\nnew\n");
    following.end();
    await following.done;
  });

  test("followed: a log that does not exist yet", async () => {
    const path = join(directory, "later.log");
    const following = follow(path);
    await writeFile(path, entry("first"));
    await shows(following, "first\n");
    following.end();
    await following.done;
  });

  test("followed: ends when its reader leaves, and at the limit of bytes", async () => {
    const path = await logFile(small);
    const left = follow(path);
    await shows(left, "one\ntwo\nthree\n");
    left.abort();
    await left.done;
    const limited = follow(path, { limitBytes: 5 });
    await limited.done;
    assert.equal(limited.text(), "one\nt");
  });
});
