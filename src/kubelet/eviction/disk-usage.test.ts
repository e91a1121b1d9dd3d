import assert from "node:assert/strict";
import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskUsage, upperDirectory } from "./disk-usage.ts";

const signal = new AbortController().signal;

test("diskUsage: counts blocks of all below, linked files once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "disk-usage-"));
  try {
    const empty = await diskUsage(directory, signal);
    await mkdir(join(directory, "sub"));
    await writeFile(join(directory, "sub/file"), Buffer.alloc(100_000, 1));
    await link(join(directory, "sub/file"), join(directory, "link"));
    const got = await diskUsage(directory, signal);
    assert.equal(got.inodes - empty.inodes, 2);
    const bytes = got.bytes - empty.bytes;
    assert.ok(bytes >= 100_000 && bytes < 200_000, `${bytes} bytes`);
  } finally {
    await rm(directory, { recursive: true });
  }
  assert.deepEqual(await diskUsage(directory, signal), { bytes: 0, inodes: 0 });
});

test("upperDirectory: of the overlay at the root", () => {
  const text = [
    "590 560 0:60 / /proc rw,nosuid - proc proc rw",
    "560 550 0:55 / / rw,relatime - overlay overlay rw,lowerdir=/l/1:/l/2,upperdir=/s/9/fs,workdir=/s/9/work",
  ].join("\n");
  assert.equal(upperDirectory(text), "/s/9/fs");
  assert.equal(upperDirectory("1 0 8:1 / / rw - ext4 /dev/sda rw"), undefined);
});
