import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { extract } from "tar-stream";
import { namedImages } from "./archive.ts";
import { pauseImage, pauseImageName, pauseProgram } from "./pause.ts";
import { busyboxImage, busyboxImageName, isStaticProgram } from "./seed.ts";

async function untar(tar: AsyncIterable<Uint8Array>): Promise<Map<string, Buffer>> {
  const entries = extract();
  Readable.from(tar).pipe(entries);
  const files = new Map<string, Buffer>();
  for await (const entry of entries) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) if (chunk instanceof Uint8Array) chunks.push(chunk);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}

test("pause: 192 bytes for amd64, 208 for arm64", () => {
  assert.equal(pauseProgram("amd64").length, 192);
  assert.equal(pauseProgram("arm64").length, 208);
});

test(
  "pause: runs until it is killed",
  { skip: process.arch === "x64" && process.platform === "linux" ? false : "needs Linux on x64" },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "pause-"));
    try {
      const path = join(directory, "pause");
      await writeFile(path, pauseProgram("amd64"), { mode: 0o755 });
      const child = spawn(path, { stdio: "ignore" });
      await once(child, "spawn");
      const stat = await readFile(`/proc/${child.pid ?? 0}/stat`, "latin1");
      assert.match(stat, /\(pause\) [SR] /);
      child.kill("SIGKILL");
      const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
      assert.deepEqual([code, signal], [null, "SIGKILL"]);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);

test("pause image: every blob is where its digest says, and the index names the image", async () => {
  const files = await untar(pauseImage("x64"));
  const blobs = [...files].filter(([name]) => name.startsWith("blobs/"));
  assert.equal(blobs.length, 3);
  for (const [name, content] of blobs) {
    assert.equal(name, `blobs/sha256/${createHash("sha256").update(content).digest("hex")}`);
  }
  const index: unknown = JSON.parse(files.get("index.json")?.toString() ?? "");
  assert.deepEqual(
    namedImages(index).map((it) => it.name),
    [pauseImageName],
  );
});

const hasBusybox = existsSync("/usr/bin/busybox") || existsSync("/bin/busybox");

test(
  "busybox image: the same bytes each time, with the applets as links",
  { skip: hasBusybox ? false : "needs busybox-static" },
  async () => {
    const [left, right] = [await untar(busyboxImage("x64")), await untar(busyboxImage("x64"))];
    assert.deepEqual([...left.keys()], [...right.keys()]);
    const layer = [...left.values()].find((it) => it.length > 100_000);
    assert.ok(layer !== undefined);
    async function* once(): AsyncGenerator<Uint8Array> {
      yield layer ?? Buffer.alloc(0);
    }
    const files = await untar(once());
    assert.ok(isStaticProgram(files.get("bin/busybox") ?? Buffer.alloc(0)));
    for (const applet of ["sh", "sleep", "httpd", "cat", "tar"]) {
      assert.ok(files.has(`bin/${applet}`), applet);
    }
    assert.match(files.get("etc/passwd")?.toString() ?? "", /^root:x:0:0:/);
    const index: unknown = JSON.parse(left.get("index.json")?.toString() ?? "");
    assert.equal(namedImages(index)[0]?.name, busyboxImageName);
  },
);

test("isStaticProgram: no ELF is none, and this Node is not static", async () => {
  assert.equal(isStaticProgram(Buffer.from("echo a script")), false);
  assert.equal(isStaticProgram(pauseProgram("amd64")), true);
  if (process.platform === "linux") {
    assert.equal(isStaticProgram(await readFile(process.execPath)), false);
  }
});
