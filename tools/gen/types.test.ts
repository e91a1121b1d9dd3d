import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { renderDescriptions } from "./descriptions.ts";
import { renderTypes } from "./types.ts";

test("gen/types.ts is what its generator writes", async () => {
  const committed = readFileSync("src/api/gen/types.ts", "utf8");
  assert.ok((await renderTypes()) === committed, "run: node tools/gen/types.ts");
});

test("gen/descriptions.json is what its generator writes", async () => {
  const committed = readFileSync("src/api/gen/descriptions.json", "utf8");
  assert.ok((await renderDescriptions()) === committed, "run: node tools/gen/descriptions.ts");
});
