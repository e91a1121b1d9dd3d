import assert from "node:assert/strict";
import { test } from "node:test";
import { generationBytesMax, ParsedObjects } from "./parsed-objects.ts";

const type = { kind: "Pod", apiVersion: "v1" };

function value(bytes = 100): Uint8Array {
  return new Uint8Array(bytes);
}

test("ParsedObjects: a value that comes back is found by its revision, which it carries", () => {
  const parsed = new ParsedObjects();
  const written = value();
  parsed.announce(written, { metadata: { name: "a", resourceVersion: "1" }, spec: {} });
  assert.equal(parsed.find(7), undefined);
  parsed.settle(written, 7, type);
  const object = { ...type, metadata: { name: "a", resourceVersion: "7" }, spec: {} };
  assert.deepEqual(parsed.find(7), object);
  parsed.again(7, 9, 100);
  assert.deepEqual(parsed.find(9), { ...object, metadata: { name: "a", resourceVersion: "9" } });
  assert.deepEqual(parsed.find(7), object);
});

test("ParsedObjects: values of others are not kept, and of its own no more than two generations", () => {
  const parsed = new ParsedObjects();
  parsed.settle(value(), 1, type);
  assert.equal(parsed.find(1), undefined);
  const count = 10;
  for (let revision = 2; revision < 2 + 3 * count; revision++) {
    const written = value(generationBytesMax / count);
    parsed.announce(written, { metadata: {} });
    parsed.settle(written, revision, type);
  }
  const kept = Array.from({ length: 3 * count }, (_, i) => i + 2).filter((it) => parsed.find(it));
  assert.ok(kept.length >= count && kept.length <= 2 * count + 1, String(kept));
  assert.equal(kept.at(-1), 3 * count + 1);
});
