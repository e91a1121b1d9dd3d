import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDigest } from "./digest.ts";

const cases: [text: string, algorithm: string | undefined][] = [
  [`sha256:${"a".repeat(64)}`, "sha256"],
  [`sha512:${"0".repeat(128)}`, "sha512"],
  [`sha256:${"a".repeat(63)}`, undefined],
  [`sha256:${"A".repeat(64)}`, undefined],
  [`sha256:${"g".repeat(64)}`, undefined],
  [`sha512:${"0".repeat(64)}`, undefined],
  [`md5:${"0".repeat(32)}`, undefined],
  [`sha256:../../${"0".repeat(58)}`, undefined],
  ["0".repeat(64), undefined],
  ["sha256:", undefined],
  [":", undefined],
  ["", undefined],
];

for (const [text, algorithm] of cases) {
  test(`parseDigest: ${text.slice(0, 20)} (${text.length}) -> ${algorithm ?? "none"}`, () => {
    assert.equal(parseDigest(text)?.algorithm, algorithm);
  });
}
