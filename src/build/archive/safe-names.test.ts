import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SafeNames } from "./safe-names.ts";

const cases: readonly (readonly [name: string, want: string])[] = [
  ["a/b", "a/b"],
  ["./a//b/", "a/b"],
  ["/etc/passwd", "etc/passwd"],
  ["./", ""],
  ["out/x", "etc/x"],
  ["up/x", "x"],
  ["in/x", "a/b/x"],
  ["in", "in"],
];

for (const [name, want] of cases) {
  test(`SafeNames: ${name} goes to '${want}'`, () => {
    const names = new SafeNames();
    names.addLink("out", "/etc");
    names.addLink("up", "../../..");
    names.addLink("in", "a/b");
    assert.equal(names.place(name), want);
  });
}

test("SafeNames: what replaces a link is no link", () => {
  const names = new SafeNames();
  names.addLink("a", "/etc");
  names.place("a");
  assert.equal(names.place("a/x"), "a/x");
});

test("SafeNames: refuses what is unsafe", () => {
  const names = new SafeNames();
  names.addLink("a", "b");
  names.addLink("b", "a");
  assert.throws(() => names.place("../x"), /unsafe name/);
  assert.throws(() => names.place("x/../../y"), /unsafe name/);
  assert.throws(() => names.place("a/x"), /links in circles/);
});

test("SafeNames: no names and links lead out", () => {
  const part = fc.constantFrom("a", "b", "..", ".", "");
  const path = fc.array(part, { maxLength: 4 }).map((it) => it.join("/"));
  fc.assert(
    fc.property(fc.array(fc.tuple(path, path), { maxLength: 5 }), path, (links, name) => {
      const names = new SafeNames();
      for (const [from, to] of links) names.addLink(from, to);
      try {
        const place = names.place(name);
        assert.ok(!place.startsWith("/") && !place.split("/").includes(".."), place);
      } catch (error) {
        assert.match(String(error), /unsafe name|circles/);
      }
    }),
  );
});
