import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { IgnoreMatcher } from "#build/paths/ignore.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import { parentsOf, placeSelection } from "./place.ts";
import { select } from "./select.ts";

function makeTree(files: readonly string[]): { tree: LayeredTree } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "select-"));
  for (const file of files) {
    const [path = "", target] = file.split("->");
    const at = join(directory, path);
    mkdirSync(dirname(at), { recursive: true });
    if (target !== undefined) symlinkSync(target, at);
    else if (path.endsWith("/")) mkdirSync(at, { recursive: true });
    else writeFileSync(at, path);
  }
  return {
    tree: new LayeredTree([{ directory, opaque: new Set() }]),
    [Symbol.dispose]: () => {
      rmSync(directory, { recursive: true });
    },
  };
}

const context = [
  "a.txt",
  "b.txt",
  "notes.md",
  "src/main.c",
  "src/lib/util.c",
  "src/lib/util.h",
  "src/README.md",
  "link->src/lib",
  "file-link->../../../../a.txt",
  "empty/",
];
const image = ["app/old", "etc/passwd", "run/", "var/run->/run"];

interface Case {
  readonly sources: string;
  readonly to: string;
  /** Targets of files, or the error. */
  readonly want: string | RegExp;
  readonly ignore?: readonly string[];
  readonly excludes?: readonly string[];
  readonly parents?: boolean;
}

const cases: readonly Case[] = [
  { sources: "a.txt", to: "/x", want: "x" },
  { sources: "a.txt", to: "/x/", want: "x/a.txt" },
  { sources: "a.txt", to: "/app", want: "app/a.txt" },
  { sources: "a.txt", to: "/", want: "a.txt" },
  { sources: "a.txt", to: "/etc/passwd", want: "etc/passwd" },
  { sources: "a.txt", to: "/var/run/", want: "run/a.txt" },
  { sources: "a.txt", to: "/var/run/x/y", want: "run/x/y" },
  { sources: "*.txt", to: "/x/", want: "x/a.txt x/b.txt" },
  { sources: "?.txt", to: "/x/", want: "x/a.txt x/b.txt" },
  { sources: "s*/m*", to: "/x/", want: "x/main.c" },
  { sources: "*.none", to: "/x/", want: "" },
  { sources: "src", to: "/x", want: "x x/README.md x/lib x/lib/util.c x/lib/util.h x/main.c" },
  {
    sources: "src/",
    to: "/app",
    want: "app/README.md app/lib app/lib/util.c app/lib/util.h app/main.c",
  },
  { sources: "link", to: "/x", want: "x x/util.c x/util.h" },
  { sources: "file-link", to: "/x/", want: "x/a.txt" },
  { sources: "empty", to: "/x", want: "x" },
  { sources: "../../src/main.c", to: "/x", want: "x" },
  {
    sources: "src",
    to: "/x",
    excludes: ["**/*.h", "README.md"],
    want: "x x/lib x/lib/util.c x/main.c",
  },
  { sources: "*.txt", to: "/x/", excludes: ["b*"], want: "x/a.txt" },
  { sources: "src", to: "/x", ignore: ["src/lib"], want: "x x/README.md x/main.c" },
  {
    sources: ".",
    to: "/x",
    ignore: ["*", "!src/lib/*.h"],
    want: "x x/src x/src/lib x/src/lib/util.h",
  },
  { sources: "a.txt", to: "/x", ignore: ["*.txt"], want: /leaves it out/ },
  { sources: "*.txt", to: "/x/", ignore: ["a.txt"], want: "x/b.txt" },
  { sources: "src/lib/util.c", to: "/x/", parents: true, want: "x/src x/src/lib x/src/lib/util.c" },
  { sources: "src/./lib/*.h", to: "/x/", parents: true, want: "x/lib x/lib/util.h" },
  {
    sources: "**/*.c",
    to: "/x/",
    parents: true,
    want: "x/src x/src/lib x/src/lib/util.c x/src/main.c",
  },
  { sources: "none", to: "/x", want: /"none": not found/ },
  { sources: "none", to: "/x/", parents: true, want: /"none": not found/ },
  { sources: "src", to: "/etc/passwd", want: /it is a file/ },
  { sources: "a.txt", to: "/etc/passwd/x", want: /is not a directory/ },
];

for (const it of cases) {
  test(`copy: ${JSON.stringify({ ...it, want: String(it.want) })}`, () => {
    using from = makeTree(context);
    using into = makeTree(image);
    function targets(): string {
      const ignore = it.ignore === undefined ? undefined : new IgnoreMatcher(it.ignore);
      const excludes = it.excludes === undefined ? undefined : new IgnoreMatcher(it.excludes);
      const parents = it.parents ?? false;
      const selections = select({ tree: from.tree, ignore }, it.sources, { excludes, parents });
      const destination = { tree: into.tree, path: it.to };
      return selections
        .flatMap((selection) => placeSelection(selection, destination, parents).files)
        .map((file) => file.target)
        .join(" ");
    }
    if (typeof it.want === "string") assert.equal(targets(), it.want);
    else assert.throws(targets, it.want);
  });
}

test("parentsOf: tells what is there from what is new", () => {
  using into = makeTree(image);
  const parents = parentsOf([["app", "new", "deep"], ["app"]], into.tree);
  assert.deepEqual(
    parents.map((it) => `${it.target} ${it.stats === undefined ? "new" : "there"}`),
    ["app there", "app/new new", "app/new/deep new"],
  );
});
