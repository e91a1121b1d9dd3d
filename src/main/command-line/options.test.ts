import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { dataDirOption, type Where } from "./options.ts";
import { defaultDataDirectory } from "#main/process/paths.ts";

const given: readonly (readonly [args: readonly string[], want: string])[] = [
  [[], defaultDataDirectory],
  [["--data-dir", "/data/../x"], "/x"],
  [["--data-dir", "data"], join(process.cwd(), "data")],
];

for (const [args, want] of given) {
  test(`--data-dir: [${args.join(" ")}] is a path from the root`, () => {
    const command = new Command().addOption(dataDirOption());
    assert.equal(command.parse(args, { from: "user" }).opts<Where>().dataDir, want);
  });
}
