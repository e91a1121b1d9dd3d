import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { extract, pack } from "tar-stream";
import { plainEntry, toBytesText, type TarEntry } from "./entry.ts";
import { readTar } from "./read.ts";
import { writeTar } from "./write.ts";

const blank: TarEntry = { ...plainEntry, name: "a" };

interface Item {
  readonly entry: TarEntry;
  readonly content: string;
}

async function* asEntries(
  items: readonly Item[],
): AsyncGenerator<{ entry: TarEntry; content: AsyncIterable<Uint8Array> }> {
  for (const { entry, content } of items) {
    yield { entry, content: Readable.from([Buffer.from(content, "latin1")]) };
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function readAll(archive: AsyncIterable<Uint8Array>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const { entry, content } of readTar(archive)) {
    items.push({
      entry,
      content: (await collect(content)).toString("latin1"),
    });
  }
  return items;
}

/** The archive in pieces of `size` bytes. */
async function* pieces(
  archive: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  const bytes = await collect(archive);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const samples: readonly TarEntry[] = [
  blank,
  { ...blank, name: "x/".repeat(80) + "end", size: 3 },
  { ...blank, name: toBytesText("ünï/ço∂é") },
  { ...blank, name: "\xff\xfe" },
  { ...blank, kind: "directory", name: "d", mode: 0o1777 },
  { ...blank, kind: "symlink", linkName: `${"../".repeat(60)}x` },
  { ...blank, kind: "link", linkName: "a" },
  { ...blank, kind: "character", major: 5, minor: 1 },
  { ...blank, kind: "fifo" },
  { ...blank, uid: 4_000_000_000, gid: 3_000_000, mode: 0o4755 },
  { ...blank, mtime: -1 },
  { ...blank, mtime: 9e10 },
  { ...blank, xattrs: new Map([["security.capability", "\x01\x00\x00\x02\x80\xff\n=\x00"]]) },
];

for (const [index, entry] of samples.entries()) {
  test(`tar: sample ${index} comes back as it went in`, async () => {
    const item = { entry, content: "abc".slice(0, entry.size) };
    const got = await readAll(writeTar(asEntries([item, { entry: blank, content: "" }])));
    assert.deepEqual(got, [item, { entry: blank, content: "" }]);
  });
}

test("tar: any entries come back, however the bytes are cut", async () => {
  const name = fc.stringMatching(/^[a-z\u0080-\u00ff]{1,120}$/);
  const item = fc.record({ name, content: fc.string({ maxLength: 1500 }), uid: fc.nat() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 5 }),
      fc.integer({ min: 1, max: 2000 }),
      async (list, size) => {
        const items = list.map((it) => {
          const content = toBytesText(it.content);
          return { entry: { ...blank, name: it.name, uid: it.uid, size: content.length }, content };
        });
        assert.deepEqual(await readAll(pieces(writeTar(asEntries(items)), size)), items);
      },
    ),
    { numRuns: 40 },
  );
});

test("tar: content that is not read is skipped", async () => {
  const items = ["a", "b", "c"].map((name) => ({
    entry: { ...blank, name, size: 700 },
    content: "x".repeat(700),
  }));
  const names: string[] = [];
  for await (const { entry } of readTar(pieces(writeTar(asEntries(items)), 100)))
    names.push(entry.name);
  assert.deepEqual(names, ["a", "b", "c"]);
});

test("tar: tar-stream reads what is written, and the other way round", async () => {
  const long = `${"y".repeat(90)}/${"z".repeat(90)}`;
  const bytes = await collect(
    writeTar(asEntries([{ entry: { ...blank, name: long, size: 2 }, content: "hi" }])),
  );
  const names: string[] = [];
  for await (const entry of Readable.from([bytes]).pipe(extract())) {
    names.push(`${entry.header.name} ${String(entry.header.size)}`);
    entry.resume();
  }
  assert.deepEqual(names, [`${long} 2`]);
  const packed = pack();
  packed.entry({ name: long, uid: 7, mode: 0o600 }, "hello");
  packed.finalize();
  const [item] = await readAll(Readable.from(packed));
  assert.deepEqual(item, {
    entry: { ...blank, name: long, size: 5, uid: 7, mode: 0o600, mtime: item?.entry.mtime ?? -1 },
    content: "hello",
  });
});

test("tar: damage is told", async () => {
  const whole = await collect(
    writeTar(asEntries([{ entry: { ...blank, size: 3 }, content: "abc" }])),
  );
  const broken = Buffer.from(whole);
  broken[0] = 0x7a;
  await assert.rejects(readAll(Readable.from([broken])), /wrong checksum/);
  await assert.rejects(readAll(Readable.from([whole.subarray(0, 514)])), /ends in the middle/);
  await assert.rejects(
    collect(writeTar(asEntries([{ entry: { ...blank, size: 5 }, content: "abc" }]))),
    /changed while it was read/,
  );
});
