import assert from "node:assert/strict";
import { test } from "node:test";
import { libraryPaths } from "./worker.ts";

test("libraryPaths: the libraries and the loader, each once", () => {
  const ldd = `	linux-vdso.so.1 (0x00007f23bede6000)
	libdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f23bedd0000)
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f23becf0000)
	libdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f23bedd0000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f23bede8000)
`;
  assert.deepEqual(libraryPaths(ldd), [
    "/lib/x86_64-linux-gnu/libdl.so.2",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/lib64/ld-linux-x86-64.so.2",
  ]);
  assert.deepEqual(libraryPaths("	statically linked\n"), []);
});
