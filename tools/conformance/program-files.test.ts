import assert from "node:assert/strict";
import { test } from "node:test";
import { shortName } from "./image-set.ts";
import { parseLibraries, withFolders } from "./program-files.ts";

test("parseLibraries: paths of ldd's lines; a missing library is named", () => {
  const text = `	linux-vdso.so.1 (0x00007f9c2c19b000)
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f9c2b81e000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f9c2c19d000)
`;
  assert.deepEqual(parseLibraries(text), [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
  ]);
  assert.throws(() => parseLibraries("\tlibz.so.1 => not found\n"), /libz\.so\.1/);
});

test("withFolders: folders come first, the upper ones before, links among the files", () => {
  const files = withFolders([
    { type: "symlink", name: "bin/sh", to: "bash" },
    { type: "file", name: "usr/bin/bash", mode: 0o755, content: Buffer.of() },
    { type: "directory", name: "usr", mode: 0o700 },
  ]);
  assert.deepEqual(
    files.map((it) => `${it.name} ${"mode" in it ? it.mode.toString(8) : ""}`),
    ["bin 755", "usr 700", "usr/bin 755", "bin/sh ", "usr/bin/bash 755"],
  );
});

const names: [image: string, want: string][] = [
  ["registry.k8s.io/e2e-test-images/agnhost:2.63.0", "agnhost"],
  ["registry.k8s.io/pause:3.10.2", "pause"],
  ["localhost:5000/team/app", "app"],
];
for (const [image, want] of names) {
  test(`shortName: ${image} -> ${want}`, () => {
    assert.equal(shortName(image), want);
  });
}
