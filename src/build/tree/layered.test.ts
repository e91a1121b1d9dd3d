import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { LayeredTree, type TreeLayer } from "./layered.ts";

interface Given {
  /** Content, a link's target behind `->`, or `/` for a directory. */
  readonly files: Readonly<Record<string, string>>;
  readonly opaque?: readonly string[];
}

function makeTree(layers: readonly Given[]): { tree: LayeredTree } & Disposable {
  const root = mkdtempSync(join(tmpdir(), "tree-"));
  const made = layers.map(({ files, opaque = [] }, index): TreeLayer => {
    const directory = join(root, String(index));
    mkdirSync(directory);
    for (const [path, what] of Object.entries(files)) {
      const at = join(directory, path);
      mkdirSync(dirname(at), { recursive: true });
      if (what === "/") mkdirSync(at, { recursive: true });
      else if (what.startsWith("->")) symlinkSync(what.slice(2), at);
      else writeFileSync(at, what);
    }
    return { directory, opaque: new Set(opaque) };
  });
  return {
    tree: new LayeredTree(made),
    [Symbol.dispose]: () => {
      rmSync(root, { recursive: true });
    },
  };
}

/** `layer/path` of where a file is, or what is missing. */
function where(tree: LayeredTree, path: string, follow = true): string {
  const { entry, missing } = tree.walk(path, follow);
  const name = entry.hostPath.split("/").slice(3).join("/");
  return missing.length === 0 ? name : `${name} + ${missing.join("/")}`;
}

const layers: readonly Given[] = [
  {
    files: {
      "a/x": "top",
      "hidden/new": "n",
      link: "->/a",
      up: "->../../../a/x",
      loop: "->loop",
      etc: "file",
    },
    opaque: ["hidden"],
  },
  {
    files: {
      "a/x": "below",
      "a/y": "y",
      "hidden/old": "o",
      "b/rel": "->../a/y",
      "etc/passwd": "p",
    },
  },
];

const cases: readonly (readonly [path: string, want: string])[] = [
  ["/a/x", "0/a/x"],
  ["a/y", "1/a/y"],
  ["/hidden/new", "0/hidden/new"],
  ["/hidden/old", "0/hidden + old"],
  ["/link/y", "1/a/y"],
  ["/up", "0/a/x"],
  ["/b/rel", "1/a/y"],
  ["/../../a/./y", "1/a/y"],
  ["/a/none/deep", "0/a + none/deep"],
  ["/etc/passwd", "0/etc + passwd"],
  ["/", "0"],
];

for (const [path, want] of cases) {
  test(`LayeredTree: ${path} is ${want}`, () => {
    using made = makeTree(layers);
    assert.equal(where(made.tree, path), want);
  });
}

test("LayeredTree: the last link is followed only when asked", () => {
  using made = makeTree(layers);
  assert.equal(where(made.tree, "/link", false), "0/link");
  assert.equal(where(made.tree, "/link", true), "0/a");
  assert.throws(() => made.tree.find("/loop", true), /too many symbolic links/);
});

test("LayeredTree: lists what all layers have", () => {
  using made = makeTree(layers);
  const { tree } = made;
  const list = (path: string): string[] => {
    const entry = tree.find(path, true);
    return entry === undefined ? [] : tree.list(entry).map((it) => it.names.at(-1) ?? "");
  };
  assert.deepEqual(list("/a"), ["x", "y"]);
  assert.deepEqual(list("/hidden"), ["new"]);
  assert.deepEqual(list("/"), ["a", "b", "etc", "hidden", "link", "loop", "up"]);
});
