import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/**
 * A table of cases that restates another program's behaviour: `source` names what it was taken from.
 * @param least how many there must be, so that a table that was cut off is seen.
 */
export function readCases<T>(file: URL, least: number): readonly T[] {
  const text = readFileSync(file, "utf8");
  const { source, cases } = JSON.parse(text) as { readonly source: string; readonly cases: T[] };
  assert.ok(source.length > 0 && cases.length >= least, `${file.pathname} has its cases`);
  return cases;
}
