import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MirroredTags } from "./mirrored-tags.ts";

test("MirroredTags: the newest of each tag is remembered, over restarts and cut lines", async (context) => {
  const directory = mkdtempSync(join(tmpdir(), "gantry-tags-"));
  context.after(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, "registry", "tags");
  const tags = await MirroredTags.open(file);
  await Promise.all([
    tags.add("docker.io/library/app", "1", "sha256:a"),
    tags.add("docker.io/library/app", "2", "sha256:a"),
    tags.add("docker.io/library/app", "1", "sha256:b"),
  ]);
  assert.equal(tags.has("docker.io/library/app", "1", "sha256:a"), false);
  assert.equal(tags.has("docker.io/library/app", "1", "sha256:b"), true);
  appendFileSync(file, "docker.io/library/app 2 sha2");
  const again = await MirroredTags.open(file);
  assert.equal(again.has("docker.io/library/app", "1", "sha256:b"), true);
  assert.equal(again.has("docker.io/library/app", "2", "sha256:a"), true);
  assert.equal(again.has("docker.io/library/app", "3", "sha256:a"), false);
  assert.equal(readFileSync(file, "utf8").split("\n").length, 3, "outdated lines are gone");
});
