import assert from "node:assert/strict";
import { test } from "node:test";
import { failureText } from "./failure-text.ts";

const passed = "✔ one (2ms)\n✖ two (3ms)\nℹ tests 2\n\n";
const inner = "      at Test.run (node:internal/test_runner/test:1402:25)";

const cases: { what: string; given: string; want: string }[] = [
  {
    what: "the section of failing tests, without frames inside Node",
    given:
      `${passed}✖ failing tests:\n\ntest at a.test.ts:1:1\n✖ two (3ms)\n` +
      `  Error: no such thing\n      at f (file:///a.ts:1:2)\n${inner}\n${inner} {\n    code: 'X'\n  }\n`,
    want:
      "test at a.test.ts:1:1\n✖ two (3ms)\n  Error: no such thing\n      at f (file:///a.ts:1:2)\n" +
      "  {\n    code: 'X'\n  }",
  },
  {
    what: "the last section: a test of tests prints one, too",
    given: `✖ failing tests:\nof another\n${passed}✖ failing tests:\n\nof this\n`,
    want: "of this",
  },
  {
    what: "of a file that did not load, the end, which has the reason",
    given: "SyntaxError: x\n✖ a.test.ts\n✖ failing tests:\n\n✖ a.test.ts\n  'test failed'\n",
    want: "SyntaxError: x\n✖ a.test.ts\n✖ failing tests:\n\n✖ a.test.ts\n  'test failed'",
  },
  { what: "without a section, the end", given: passed, want: passed.trim() },
  {
    what: "a section that is too long: its beginning",
    given: `✖ failing tests:\n${"it failed\n".repeat(63)}`,
    want: `${"it failed\n".repeat(60)}… 3 lines more`,
  },
  {
    what: "an output that is too long: its end",
    given: `first\n${"x\n".repeat(60)}`,
    want: `… 1 lines more\n${"x\n".repeat(60)}`.trim(),
  },
  { what: "a line that is too long", given: "y".repeat(301), want: `${"y".repeat(300)}…` },
  { what: "nothing", given: "", want: "" },
];

for (const { what, given, want } of cases) {
  test(`what failed: ${what}`, () => {
    assert.equal(failureText(given), want);
  });
}
