import assert from "node:assert/strict";
import { test } from "node:test";
import { pageOf, parsePage } from "./page.ts";

const pages: [query: string, after: string | undefined, limit: number][] = [
  ["", undefined, 1_000],
  ["n=5", undefined, 5],
  ["n=0", undefined, 0],
  ["n=5&last=b", "b", 5],
  ["last=b", "b", 1_000],
  ["n=99999", undefined, 1_000],
];

for (const [query, after, limit] of pages) {
  test(`parsePage: '${query}'`, () => {
    assert.deepEqual(parsePage(new URLSearchParams(query)), { after, limit });
  });
}

test("parsePage: what is no number is refused", () => {
  for (const n of ["-1", "x", "", "1.5"]) {
    assert.throws(() => parsePage(new URLSearchParams({ n })), /no number/);
  }
});

function nameOf(name: string): string {
  return name;
}

test("pageOf: a link only where more follows", () => {
  const at = { path: "/v2/_catalog", nameOf };
  const page = { limit: 2 };
  assert.deepEqual(pageOf(["a", "b", "c"], page, at), {
    items: ["a", "b"],
    link: '</v2/_catalog?n=2&last=b>; rel="next"',
  });
  assert.deepEqual(pageOf(["a", "b"], page, at), { items: ["a", "b"], link: undefined });
  assert.deepEqual(pageOf(["a"], { limit: 0 }, at), { items: [], link: undefined });
});
