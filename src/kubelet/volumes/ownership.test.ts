import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setOwnership } from "./ownership.ts";

const signal = new AbortController().signal;
// Without root, to the group that we are in anyway.
const gid = process.getuid?.() === 0 ? 4_242 : (process.getgid?.() ?? 0);

async function inTree(body: (root: string, outside: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "ownership-"));
  try {
    const [root, outside] = [join(directory, "root"), join(directory, "outside")];
    await mkdir(join(root, "sub"), { recursive: true });
    await writeFile(join(root, "sub/file"), "", { mode: 0o600 });
    await writeFile(outside, "", { mode: 0o600 });
    await chmod(join(root, "sub/file"), 0o600);
    await symlink(outside, join(root, "link"));
    execFileSync("mkfifo", [join(root, "pipe")]);
    await body(root, outside);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("setOwnership: group and bits, and never through a link", async () => {
  await inTree(async (root, outside) => {
    const before = await lstat(outside);
    await setOwnership(root, { gid, policy: undefined }, signal);
    const file = await lstat(join(root, "sub/file"));
    assert.deepEqual([file.gid, file.mode & 0o7777], [gid, 0o660]);
    for (const path of [root, join(root, "sub")]) {
      const stats = await lstat(path);
      assert.equal(stats.gid, gid);
      assert.equal(stats.mode & 0o2770, 0o2770);
    }
    assert.equal((await lstat(join(root, "link"))).gid, gid);
    const after = await lstat(outside);
    assert.deepEqual([after.gid, after.mode], [before.gid, before.mode]);
  });
});

for (const [policy, want] of [
  ["OnRootMismatch", 0o600],
  ["Always", 0o660],
] as const) {
  test(`setOwnership: ${policy} where the top is right already`, async () => {
    await inTree(async (root) => {
      await setOwnership(root, { gid, policy: undefined }, signal);
      await chmod(join(root, "sub/file"), 0o600);
      await setOwnership(root, { gid, policy }, signal);
      assert.equal((await lstat(join(root, "sub/file"))).mode & 0o777, want);
    });
  });
}
