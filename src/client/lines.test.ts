import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readLines } from "./lines.ts";

async function* chunksOf(parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function linesOf(parts: readonly string[], bytesMax?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const lines of readLines(chunksOf(parts), bytesMax)) {
    found.push(...lines.map((it) => Buffer.from(it).toString()));
  }
  return found;
}

const cases: [parts: string[], want: string[]][] = [
  [[], []],
  [["a\n"], ["a"]],
  [["a\nb\n"], ["a", "b"]],
  [
    ["a", "b\nc", "\n"],
    ["ab", "c"],
  ],
  [["a\n\n\nb\n"], ["a", "b"]],
  [["a\nunfinished"], ["a"]],
];

for (const [parts, want] of cases) {
  test(`readLines: ${JSON.stringify(parts)} -> ${JSON.stringify(want)}`, async () => {
    assert.deepEqual(await linesOf(parts), want);
  });
}

test("readLines: how the bytes are cut does not matter", async () => {
  const text = fc.array(fc.string({ unit: "grapheme", minLength: 1 }));
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(9)), async (lines, cuts) => {
      const clean = lines.map((it) => it.replaceAll("\n", "")).filter((it) => it !== "");
      const bytes = Buffer.from(clean.map((it) => `${it}\n`).join(""));
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) parts.push(bytes.subarray(at, (at += cut)));
      parts.push(bytes.subarray(at));
      async function* source(): AsyncGenerator<Uint8Array> {
        yield* parts;
      }
      const got: string[] = [];
      for await (const some of readLines(source())) {
        got.push(...some.map((it) => Buffer.from(it).toString()));
      }
      assert.deepEqual(got, clean);
    }),
  );
});

test("readLines: a line past the bound is an error", async () => {
  await assert.rejects(linesOf(["aaaa", "aaaa"], 6), /line longer than 6 bytes/);
});
