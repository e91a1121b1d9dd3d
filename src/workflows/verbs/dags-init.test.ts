import { spawnSync } from "node:child_process";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { dagsInit } from "./dags-init.ts";

const place = {
  workflows: resolve("src/dag/authoring/workflows.ts"),
  packageTypes: resolve("node_modules/@types"),
};

const dags = `import { dag, task } from "gantry/workflows";
const count = task("count", () => 3);
const greet = task("greet", (input: { name: string }) => input.name.length);
export const good = dag("good", { schedule: null }, () => { greet({ name: "x" }); count(); });
export const wrong = dag("wrong", { schedule: null }, () => { greet({ name: count() }); });
`;

function faults(folder: string): string[] {
  const { stdout } = spawnSync(
    resolve("node_modules/.bin/tsc"),
    ["-p", folder, "--pretty", "false"],
    {
      cwd: folder,
      encoding: "utf8",
      timeout: 60_000,
    },
  );
  return [...stdout.matchAll(/^(\S+)\((\d+),\d+\): error (TS\d+)/gm)].map(
    ([, file, line, code]) => `${file}:${line} ${code}`,
  );
}

test("dagsInit: in a folder of its own the compiler finds the types, and a task that gets another's number for a text", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-types-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, "shop.ts"), dags);
  assert.equal(dagsInit(folder, place), join(folder, "tsconfig.json"));
  assert.deepEqual(faults(folder), ["shop.ts:5 TS2322"]);
  assert.throws(() => dagsInit(folder, place), /is there already; add to it: \{"compilerOptions"/);
});
