import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/**
 * A table of cases that restates another program's behaviour: `source` names what it was taken from.
 * @param least how many there must be, so that a table that was cut off is seen.
 */
export function readCases(file: URL, least: number): readonly unknown[] {
  const text = readFileSync(file, "utf8");
  const { source, cases } = JSON.parse(text) as {
    readonly source: string;
    readonly cases: unknown[];
  };
  assert.ok(source.length > 0 && cases.length >= least, `${file.pathname} has its cases`);
  return cases;
}
