import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ociArchive } from "#cri/images/oci-archive.ts";
import { RuntimeError } from "#cri/runtime.ts";
import type { RuntimeTester } from "./tester.ts";

export function imageTests(get: () => RuntimeTester): void {
  test("images: the present has an id and a name, the missing is undefined", async () => {
    const { runtime, signal, fixture } = get();
    const image = await runtime.imageStatus(fixture.image, signal);
    assert.ok(image !== undefined);
    assert.match(image.id, /^sha256:[0-9a-f]{64}$/);
    assert.ok(image.tags.some((it) => it.includes("/")));
    assert.ok((await runtime.listImages(signal)).some((it) => it.id === image.id));
    assert.equal((await runtime.imageStatus(image.id, signal))?.id, image.id);
    assert.equal(await runtime.imageStatus(fixture.missingImage, signal), undefined);
  });

  test("images: imported by name, used, removed", async () => {
    const { runtime, signal } = get();
    const archive = ociArchive({
      name: "example.test/imported:1",
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      config: { Cmd: ["/none"], Env: [], WorkingDir: "/" },
      files: [{ type: "file", name: "greeting", mode: 0o644, content: Buffer.from("hi") }],
    });
    const names = await runtime.importImage(archive, signal);
    assert.deepEqual(names, ["example.test/imported:1"]);
    assert.ok((await runtime.imageStatus("example.test/imported:1", signal)) !== undefined);
    await runtime.removeImage("example.test/imported:1", signal);
    assert.equal(await runtime.imageStatus("example.test/imported:1", signal), undefined);
    await runtime.removeImage("example.test/imported:1", signal);
  });

  test("images: the files of one can be seen until they are released", async () => {
    const { runtime, signal } = get();
    const name = "example.test/viewed:1";
    const archive = ociArchive({
      name,
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      config: { Cmd: ["/none"], Env: [], WorkingDir: "/" },
      files: [{ type: "file", name: "greeting", mode: 0o644, content: Buffer.from("hi") }],
    });
    await runtime.importImage(archive, signal);
    const image = await runtime.imageStatus(name, signal);
    assert.ok(image !== undefined);
    const mount = await runtime.viewImage(image.id, "view-1", signal);
    assert.deepEqual(await runtime.viewImage(image.id, "view-1", signal), mount);
    if (mount?.type === "bind") {
      assert.equal(await readFile(join(mount.source, "greeting"), "utf8"), "hi");
    }
    await runtime.removeImage(name, signal);
    await runtime.releaseImage("view-1", signal);
    await runtime.releaseImage("view-1", signal);
  });

  test("images: an archive that names no image is refused", async () => {
    const { runtime, signal } = get();
    async function* empty(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1024);
    }
    await assert.rejects(runtime.importImage(empty(), signal));
  });

  test("images: a pull that cannot succeed is a RuntimeError that names the image", async () => {
    const { runtime, signal, fixture } = get();
    await assert.rejects(runtime.pullImage(fixture.missingImage, undefined, signal), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.ok(error.message.includes(fixture.missingImage), error.message);
      return true;
    });
  });
}
