import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUlimit } from "./ulimit.ts";

for (const [given, want] of [
  ["nofile=1024", "nofile 1024 1024"],
  ["core=0:5", "core 0 5"],
  ["nofile=8:-1", "nofile 8 none"],
  ["core=-1", "core none none"],
  ["nofile", /expected NAME=SOFT\[:HARD\], of core, nofile/],
  ["files=1", /expected NAME=SOFT/],
  ["nofile=x", /expected NAME=SOFT/],
  ["nofile=2:1", /the soft limit must be less/],
  ["nofile=-1:1", /the soft limit must be less/],
] as const) {
  test(`parseUlimit: ${given} -> ${String(want)}`, () => {
    const parse = (): string => {
      const { name, soft = "none", hard = "none" } = parseUlimit(given, ["core", "nofile"]);
      return `${name} ${soft} ${hard}`;
    };
    if (typeof want === "string") assert.equal(parse(), want);
    else assert.throws(parse, want);
  });
}
