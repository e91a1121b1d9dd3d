import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDotenv } from "./dotenv.ts";

function lookup(name: string): string | undefined {
  return name === "SHELL_ONLY" ? "from the shell" : undefined;
}

const cases: readonly (readonly [text: string, want: Readonly<Record<string, string>>])[] = [
  ["", {}],
  ["# comment\n\nA=1\n", { A: "1" }],
  ["A=1 # comment", { A: "1" }],
  ["A=1#2", { A: "1#2" }],
  ["export A=1", { A: "1" }],
  ["A = 1", { A: "1" }],
  ["A: 1", { A: "1" }],
  ["A=", { A: "" }],
  ["A=a=b", { A: "a=b" }],
  ["A='$B # kept'", { A: "$B # kept" }],
  ['A="x # kept"', { A: "x # kept" }],
  ['A="one\\ntwo"', { A: "one\ntwo" }],
  ['A="one\ntwo"\nB=2', { A: "one\ntwo", B: "2" }],
  ["A='one\ntwo'", { A: "one\ntwo" }],
  ['A="say \\"hi\\""', { A: 'say "hi"' }],
  ['A="\\$B"', { A: "$B" }],
  ["A=1\nB=${A}2", { A: "1", B: "12" }],
  ["A=$NONE", { A: "" }],
  ["A=${NONE:-d}", { A: "d" }],
  ["SHELL_ONLY", { SHELL_ONLY: "from the shell" }],
  ["NOT_THERE", {}],
  ["A=${SHELL_ONLY}", { A: "from the shell" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["A=# y", { A: "# y" }],
  ["A=1\t#tab", { A: "1\t#tab" }],
  ["A='it\\'s'", { A: "it's" }],
  ['A="a\\tb \\x \\\\ \\0101"', { A: "a\tb \\x \\ A" }],
  ["A=\\n", { A: "\\n" }],
  ['A="q" # comment\nB=1', { A: "q", B: "1" }],
  ["C.D-E[0]=1", { "C.D-E[0]": "1" }],
  ['A=${NONE:-{"a":"b"}}', { A: '{"a":"b"}' }],
];

for (const [text, want] of cases) {
  test(`parseDotenv: ${JSON.stringify(text)}`, () => {
    assert.deepEqual(Object.fromEntries(parseDotenv(text, lookup)), want);
  });
}

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ["A=1\n=2", /^line 2: expected NAME=value$/],
  ["A B=2", /^line 1: /],
  ["A='a'\"b\"", /^line 1: /],
  ["A=1\nB=${A", /^line 2: invalid interpolation format/],
  ['A=1\nB="open', /^line 2: the closing " is missing$/],
];

for (const [text, message] of refused) {
  test(`parseDotenv refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseDotenv(text, lookup), { name: "DotenvError", message });
  });
}
