import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { gzip } from "./compress.ts";
import { compressionOf, decompress } from "./decompress.ts";

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

for (const size of [0, 1, 524_288, 524_289, 3_000_000]) {
  test(`gzip: ${size} bytes come back`, async () => {
    const content = Buffer.alloc(size, "some text that repeats, ");
    const packed = await collect(
      gzip(Readable.from([content.subarray(0, 700), content.subarray(700)])),
    );
    assert.deepEqual(gunzipSync(packed), content);
    assert.deepEqual(await collect(gzip(Readable.from([content]))), packed);
    assert.ok(packed.length < size / 50 + 40);
  });
}

test("gzip: what cannot be made smaller comes back too, between what can", async () => {
  const text = Buffer.alloc(600_000, "text ");
  const content = Buffer.concat([text, randomBytes(1_500_000), text]);
  const packed = await collect(gzip(Readable.from([content])));
  assert.deepEqual(gunzipSync(packed), content);
  assert.ok(packed.length < 2_300_000, String(packed.length));
});

test("decompress: reads gzip, and tells when it is damaged", async () => {
  const { signal } = new AbortController();
  const packed = gzipSync("hello");
  assert.equal(compressionOf(packed), "gzip");
  assert.equal(
    (await collect(decompress(Readable.from([packed]), "gzip", signal))).toString(),
    "hello",
  );
  const cut = packed.subarray(0, packed.length - 4);
  await assert.rejects(collect(decompress(Readable.from([cut]), "gzip", signal)), /end of file/);
});
