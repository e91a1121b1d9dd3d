import assert from "node:assert/strict";
import { test } from "node:test";
import { splitCommand } from "./two-forms.ts";

const cases: [words: string, options: string, command: string][] = [
  ["ls -l", "", "ls -l"],
  ["-- ls -l", "", "ls -l"],
  ["-c app -- ls", "-c app", "ls"],
  ["sh -c -- ls", "", "sh -c -- ls"],
  ["-l", "", "-l"],
];

for (const [words, options, command] of cases) {
  test(`splitCommand: ${words}`, () => {
    const split = splitCommand(words.split(" "));
    assert.deepEqual([split.options.join(" "), split.command.join(" ")], [options, command]);
  });
}
