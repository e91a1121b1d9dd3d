import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TarEntry } from "#build/tar/entry.ts";
import type { ReadEntry } from "#build/tar/read.ts";
import type { WriteEntry } from "#build/tar/write.ts";
import { LayeredTree } from "#build/tree/layered.ts";
import { packLayer } from "./pack.ts";
import { unpackLayer, type UnpackedLayer } from "./unpack.ts";

const opaqueMark = new Map([["trusted.overlay.opaque", "y"]]);

/** `d:name`, `f:name`, `w:name` (a whiteout of overlayfs), `o:name` (an opaque directory), `l:name>to`, `h:name>to`. */
function entryOf(text: string): TarEntry {
  const [kind = "", rest = ""] = text.split(":");
  const [name = "", linkName = ""] = rest.split(">");
  const kinds = {
    d: "directory",
    o: "directory",
    f: "file",
    w: "character",
    l: "symlink",
    h: "link",
  } as const;
  return {
    kind: kinds[kind as keyof typeof kinds],
    name,
    linkName,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 100,
    major: 0,
    minor: 0,
    xattrs: kind === "o" ? opaqueMark : new Map(),
  };
}

async function* given(texts: readonly string[]): AsyncGenerator<ReadEntry> {
  for (const text of texts) yield { entry: entryOf(text), content: nothing() };
}

async function* nothing(): AsyncGenerator<Buffer, void, undefined> {}

async function texts(entries: AsyncIterable<WriteEntry>): Promise<string[]> {
  const found: string[] = [];
  for await (const { entry } of entries) {
    const letters = {
      directory: "d",
      file: "f",
      character: "w",
      symlink: "l",
      link: "h",
      block: "b",
      fifo: "p",
    };
    const letter = entry.xattrs.has("trusted.overlay.opaque") ? "o" : letters[entry.kind];
    found.push(`${letter}:${entry.name}${entry.linkName === "" ? "" : `>${entry.linkName}`}`);
  }
  return found;
}

function below(paths: readonly string[]): { tree: LayeredTree } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "below-"));
  for (const path of paths) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), "");
  }
  return {
    tree: new LayeredTree([{ directory, opaque: new Set() }]),
    [Symbol.dispose]: () => {
      rmSync(directory, { recursive: true });
    },
  };
}

const packs: readonly (readonly [
  name: string,
  files: readonly string[],
  want: readonly string[],
])[] = [
  ["plain files", ["d:./", "d:./a", "f:./a/b", "h:./c>./a/b"], ["d:a", "f:a/b", "h:c>a/b"]],
  ["whiteouts", ["d:./", "w:./gone", "d:./a", "w:./a/b"], ["f:.wh.gone", "d:a", "f:a/.wh.b"]],
  [
    "a directory made anew",
    ["d:./", "o:./old", "f:./old/x"],
    ["d:old", "f:old/x", "f:old/.wh.deep", "f:old/.wh.y"],
  ],
  [
    "directories in one made anew",
    ["d:./", "o:./old", "d:./old/deep", "f:./old/deep/n", "f:./z"],
    [
      "d:old",
      "d:old/deep",
      "f:old/deep/n",
      "f:old/deep/.wh.z",
      "f:old/.wh.x",
      "f:old/.wh.y",
      "f:z",
    ],
  ],
  ["a new directory that hides nothing", ["d:./", "o:./new", "f:./new/x"], ["d:new", "f:new/x"]],
];

for (const [name, files, want] of packs) {
  test(`packLayer: ${name}`, async () => {
    using made = below(["old/x", "old/y", "old/deep/z", "gone"]);
    assert.deepEqual(await texts(packLayer(given(files), made.tree, undefined)), want);
  });
}

test("packLayer: no file is younger than the epoch", async () => {
  for (const [epoch, want] of [
    [50, 50],
    [200, 100],
    [undefined, 100],
  ] as const) {
    for await (const { entry } of packLayer(given(["f:./a"]), undefined, epoch)) {
      assert.equal(entry.mtime, want);
    }
  }
});

async function unpack(
  names: readonly string[],
): Promise<{ entries: string[]; layer: UnpackedLayer | undefined }> {
  let layer: UnpackedLayer | undefined;
  const entries = await texts(
    unpackLayer(given(names), 1_000, (it) => {
      layer = it;
    }),
  );
  return { entries, layer };
}

const unpacks: readonly (readonly [
  name: string,
  layer: readonly string[],
  want: readonly string[],
  opaque: readonly string[],
])[] = [
  ["plain files", ["d:a/", "f:/a/b", "h:c>a/b"], ["d:a", "f:a/b", "h:c>a/b"], []],
  ["whiteouts", ["f:.wh.gone", "d:a", "f:a/.wh.b"], ["d:a", "w:gone", "w:a/b"], []],
  ["an opaque directory", ["d:a", "f:a/.wh..wh..opq", "f:a/b"], ["d:a", "f:a/b", "o:a"], ["a"]],
  ["gone and made anew", ["f:.wh.a", "d:a", "f:.wh.b", "f:b"], ["d:a", "f:b", "o:a"], ["a"]],
  ["what drivers leave", ["d:.wh..wh.plnk", "f:a"], ["f:a"], []],
  ["the root itself", ["d:./", "f:.wh..wh..opq"], ["d:.", "o:."], [""]],
  [
    "links are followed within",
    ["l:lib>/usr/lib", "f:lib/x"],
    ["l:lib>/usr/lib", "f:usr/lib/x"],
    [],
  ],
];

for (const [name, layer, want, opaque] of unpacks) {
  test(`unpackLayer: ${name}`, async () => {
    const got = await unpack(layer);
    assert.deepEqual(got.entries, want);
    assert.deepEqual(got.layer?.opaque, opaque);
  });
}

for (const [name, layer, want] of [
  ["a name that leads out", ["f:../../etc/passwd"], /unsafe name/],
  ["a hard link that leads out", ["h:a>../../etc/shadow"], /unsafe name/],
  ["a hard link to what is not there", ["h:a>etc/shadow"], /does not have/],
] as const) {
  test(`unpackLayer: ${name} is refused`, async () => {
    await assert.rejects(unpack(layer), want);
  });
}

test("unpackLayer: more bytes than the bound are refused before they are written", async () => {
  async function* bomb(): AsyncGenerator<ReadEntry> {
    for (;;) yield { entry: { ...entryOf("f:a"), size: 600 }, content: nothing() };
  }
  await assert.rejects(texts(unpackLayer(bomb(), 1_000, () => undefined)), /more than 1000 bytes/);
});
