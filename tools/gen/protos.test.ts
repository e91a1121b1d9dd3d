import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { generateProtos, protoFolders } from "./protos.ts";

for (const folder of protoFolders) {
  test(`protos: ${folder}/gen is what the generator makes (node tools/gen/protos.ts)`, () => {
    const out = mkdtempSync(join(tmpdir(), "protos-"));
    try {
      generateProtos(folder, out);
      assert.deepEqual(read(join(folder, "gen")), read(out));
    } finally {
      rmSync(out, { recursive: true });
    }
  });
}

function read(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory)
      .toSorted()
      .map((name) => [name, readFileSync(join(directory, name), "utf8")]),
  );
}
