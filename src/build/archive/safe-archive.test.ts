import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { createGzip } from "node:zlib";
import { plainEntry } from "#build/tar/entry.ts";
import { readTar } from "#build/tar/read.ts";
import { writeTar, type WriteEntry } from "#build/tar/write.ts";
import { decompress } from "./decompress.ts";
import { archiveStream } from "./safe-archive.ts";

/** An archive of files with so many zeros. */
function archiveOf(sizes: Readonly<Record<string, number>>): AsyncIterable<Uint8Array> {
  async function* entries(): AsyncGenerator<WriteEntry> {
    for (const [name, size] of Object.entries(sizes)) {
      const content = Readable.from(size === 0 ? [] : [Buffer.alloc(size)]);
      yield { entry: { ...plainEntry, name, size }, content };
    }
  }
  return writeTar(entries());
}

async function namesOf(archive: AsyncIterable<Uint8Array>): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readTar(archive)) names.push(entry.name);
  return names;
}

test("archiveStream: as many bytes as the bound, and no more", async () => {
  assert.deepEqual(await namesOf(archiveStream(archiveOf({ a: 600, b: 400 }), 1_000)), ["a", "b"]);
  const tooMany = archiveStream(archiveOf({ a: 600, b: 401 }), 1_000);
  await assert.rejects(namesOf(tooMany), /unpacks to more than 1000 bytes, which is the bound/);
});

test("archiveStream: a small archive that holds much ends at the bound", async () => {
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    const packed = Readable.from(archiveOf({ bomb: 64 * 2 ** 20 })).pipe(createGzip());
    for await (const chunk of packed as AsyncIterable<Uint8Array>) {
      read += chunk.length;
      yield chunk;
    }
  }
  const { signal } = new AbortController();
  const unpacked = archiveStream(decompress(counted(), "gzip", signal), 2 ** 20);
  await assert.rejects(namesOf(unpacked), /which is the bound/);
  assert.ok(read < 2 ** 18, `${read}`);
});

test("archiveStream: names that lead out are refused, or lead to the root", async () => {
  assert.deepEqual(await namesOf(archiveStream(archiveOf({ "/etc/x": 1 }), 10)), ["etc/x"]);
  await assert.rejects(namesOf(archiveStream(archiveOf({ "../x": 1 }), 10)), /unsafe name/);
});
