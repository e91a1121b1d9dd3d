import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IgnoreMatcher, readIgnoreFile } from "./ignore.ts";

const cases: readonly (readonly [patterns: string, path: string, ignored: boolean])[] = [
  ["*", "a", true],
  ["*", "a/b", true],
  ["*.md", "a.md", true],
  ["*.md", "x/a.md", false],
  ["**/*.md", "x/y/a.md", true],
  ["**/*.md", "a.md", true],
  ["x", "x/y/z", true],
  ["x/", "x/y", true],
  ["/x", "x", true],
  ["x/*", "x", false],
  ["x/**", "x", false],
  ["x/**", "x/y/z", true],
  ["**", "any/thing", true],
  ["**/x", "x", true],
  ["**/x", "a/b/x/c", true],
  ["**/x", "a/bx", false],
  ["**x", "a/bx", true],
  ["a**/c", "ab/b/c", true],
  ["a/**/c", "a/c", true],
  ["a/**/c", "a/b/b/c", true],
  ["a?c", "abc", true],
  ["a?c", "a/c", false],
  ["a[b-d]e", "ace", true],
  ["a[^b-d]e", "ace", false],
  ["a\\*", "a*", true],
  ["a\\*", "ab", false],
  ["a.c", "abc", false],
  ["(a+b)|c{1}", "(a+b)|c{1}", true],
  ["./a/../b", "b", true],
  ["*.md !README.md", "README.md", false],
  ["*.md !README.md", "other.md", true],
  ["!README.md *.md", "README.md", true],
  ["docs !docs/keep", "docs/keep", false],
  ["docs !docs/keep", "docs/keep/x", false],
  ["docs !docs/keep docs/keep/x", "docs/keep/x", true],
  ["** !a/b", "a/b/c", false],
  ["node_modules **/dist", "packages/a/dist/x", true],
];

for (const [patterns, path, ignored] of cases) {
  test(`IgnoreMatcher: [${patterns}] and ${path} -> ${String(ignored)}`, () => {
    const matcher = new IgnoreMatcher(readIgnoreFile(patterns.replaceAll(" ", "\n")));
    assert.equal(matcher.ignores(path), ignored);
  });
}

for (const pattern of ["[", "a[", "[^", "[]a]", "[-x]", "[x-]", "[a-b-c]", "x\\", "!"]) {
  test(`IgnoreMatcher: ${pattern} is refused`, () => {
    assert.throws(() => new IgnoreMatcher([pattern]), /pattern/);
  });
}

test("readIgnoreFile: comments, blanks, white space and leading slashes", () => {
  const content = "\uFEFF# no\n\n  /a/./b  \n! /c/\n#\n!\n/\n #not a comment\r\n";
  assert.deepEqual(readIgnoreFile(content), ["a/b", "!c", "!", "/", "#not a comment"]);
});

test("IgnoreMatcher: a literal path ignores itself and what is below, and nothing else", () => {
  const name = fc.stringMatching(/^[a-z]{1,3}$/);
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((it) => it.join("/"));
  fc.assert(
    fc.property(path, path, (pattern, candidate) => {
      const want = candidate === pattern || candidate.startsWith(`${pattern}/`);
      assert.equal(new IgnoreMatcher([pattern]).ignores(candidate), want);
    }),
  );
});
