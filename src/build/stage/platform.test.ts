import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPlatform, parsePlatform } from "./platform.ts";

const host = { os: "linux", architecture: "amd64" };
const given: readonly (readonly [text: string, want: string])[] = [
  ["linux/arm64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm/v7", "linux/arm/v7"],
  ["Linux/x86_64", "linux/amd64"],
  ["linux", "linux/amd64"],
  ["aarch64", "linux/arm64"],
  ["windows/amd64", "windows/amd64"],
  ["local", "linux/amd64"],
];

for (const [text, want] of given) {
  test(`parsePlatform: ${text} is ${want}`, () => {
    assert.equal(formatPlatform(parsePlatform(text, host)), want);
  });
}

test("parsePlatform: refuses what is none", () => {
  for (const text of ["", "a/b/c/d", "linux/", "linux/a b"]) {
    assert.throws(() => parsePlatform(text, host), /expected os\/architecture/);
  }
});
