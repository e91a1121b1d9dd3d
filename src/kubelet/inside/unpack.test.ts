import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { pack, type Pack } from "tar-stream";
import { openRoot } from "#cri/rooted-path.ts";
import { packPath, statPath } from "./pack.ts";
import { tarEntries } from "./tar-entries.ts";
import { unpackInto } from "./unpack.ts";

type Header = Parameters<Pack["entry"]>[0];

let outside: string;
let root: string;
/** Others cannot give files away. */
const skip = process.getuid?.() !== 0;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), "gantry-unpack-"));
  root = join(outside, "root");
  mkdirSync(join(root, "to"), { recursive: true });
});
afterEach(() => {
  rmSync(outside, { recursive: true });
});

async function unpack(
  entries: readonly [header: Header, text?: string][],
  keepOwners = false,
): Promise<void> {
  const tar = pack();
  for (const [header, text] of entries)
    tar.entry({ ...header, mtime: new Date(1_000_000) }, text ?? "");
  tar.finalize();
  await using handle = await openRoot(root);
  await unpackInto(handle, tar as AsyncIterable<Uint8Array>, { path: "/to", keepOwners });
}

test("unpackInto: files, directories and links, with modes and times", { skip }, async () => {
  await unpack([
    [{ name: "d/", type: "directory", mode: 0o750 }],
    [{ name: "d/f", mode: 0o640, uid: 5, gid: 6 }, "text"],
    [{ name: "d/l", type: "symlink", linkname: "f" }],
    [{ name: "d/h", type: "link", linkname: "d/f" }],
  ]);
  const file = statSync(join(root, "to/d/f"));
  assert.deepEqual([file.mode & 0o777, file.uid, file.gid, file.nlink], [0o640, 0, 0, 2]);
  assert.equal(file.mtimeMs, 1_000_000);
  const directory = statSync(join(root, "to/d"));
  assert.deepEqual([directory.mode & 0o777, directory.mtimeMs], [0o750, 1_000_000]);
  assert.equal(readlinkSync(join(root, "to/d/l")), "f");
});

test("unpackInto: owners are kept where that is asked", { skip }, async () => {
  await unpack([[{ name: "f", uid: 5, gid: 6 }, "text"]], true);
  assert.deepEqual([statSync(join(root, "to/f")).uid, statSync(join(root, "to/f")).gid], [5, 6]);
});

test("unpackInto: neither links of the tar nor of the container lead out", { skip }, async () => {
  symlinkSync(outside, join(root, "to/absolute"));
  symlinkSync("../../..", join(root, "to/upwards"));
  const links: [Header, string?][] = [
    [{ name: "own", type: "symlink", linkname: outside }],
    [{ name: "own/file" }, "x"],
  ];
  // There is no such directory below the root.
  await assert.rejects(unpack(links), /no such file or directory/);
  await assert.rejects(unpack([[{ name: "absolute/file" }, "x"]]), /no such file or directory/);
  await unpack([[{ name: "upwards/file" }, "x"]]);
  assert.equal(readFileSync(join(root, "file"), "utf8"), "x");
  await assert.rejects(unpack([[{ name: "../../file" }, "x"]]), /leads upwards/);
  assert.equal(existsSync(join(outside, "file")), false);
});

test("unpackInto: what is there is replaced, but no directory by a file", { skip }, async () => {
  writeFileSync(join(outside, "kept"), "kept");
  symlinkSync(join(outside, "kept"), join(root, "to/l"));
  await unpack([[{ name: "l" }, "new"]]);
  assert.ok(lstatSync(join(root, "to/l")).isFile());
  assert.equal(readFileSync(join(outside, "kept"), "utf8"), "kept");
  mkdirSync(join(root, "to/d"));
  await assert.rejects(unpack([[{ name: "d" }, "x"]]), /cannot overwrite directory "\/to\/d"/);
  const directory: Header = { name: "l", type: "directory" };
  await assert.rejects(unpack([[directory]]), /cannot overwrite non-directory "\/to\/l"/);
});

test("unpackInto: a tar that breaks off is told", { skip }, async () => {
  await using handle = await openRoot(root);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(700, "x");
  }
  await assert.rejects(unpackInto(handle, broken(), { path: "/to", keepOwners: false }));
});

test("packPath: what is packed is what is there, and statPath says how it is called", async () => {
  mkdirSync(join(root, "to/d"));
  writeFileSync(join(root, "to/d/f"), "text");
  symlinkSync("/to/d", join(root, "l"));
  await using handle = await openRoot(root);
  const names = async (path: string, followLast: boolean): Promise<string> => {
    const found: string[] = [];
    const tar = packPath(handle, path, { followLast }, new AbortController().signal);
    for await (const entry of tarEntries(tar)) {
      entry.resume();
      found.push(entry.header.name);
    }
    return found.join(" ");
  };
  assert.equal(await names("/to/d", false), "d/ d/f");
  assert.equal(await names("/l", false), "l");
  assert.equal(await names("/l", true), "./ ./f");
  assert.deepEqual(await statPath(handle, "/l", { followLast: false }), {
    kind: "link",
    name: "l",
  });
  const followed = await statPath(handle, "/l", { followLast: true });
  assert.deepEqual(followed, { kind: "directory", name: "." });
  await assert.rejects(statPath(handle, "/none", { followLast: true }), { code: "ENOENT" });
});
