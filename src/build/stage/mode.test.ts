import assert from "node:assert/strict";
import { test } from "node:test";
import { parseModeChange } from "./mode.ts";

const cases: readonly (readonly [
  change: string,
  mode: number,
  isDirectory: boolean,
  want: number,
])[] = [
  ["755", 0o600, false, 0o755],
  ["4711", 0o644, false, 0o4711],
  ["u+x", 0o644, false, 0o744],
  ["+x", 0o644, false, 0o755],
  ["a-w", 0o666, false, 0o444],
  ["go=", 0o755, false, 0o700],
  ["u=rwx,go=rX", 0o600, false, 0o755],
  ["go=rX", 0o600, false, 0o644],
  ["go=rX", 0o700, true, 0o755],
  ["u=rw,go=u", 0o700, false, 0o666],
  ["u+s,+t", 0o755, false, 0o5755],
  ["g+s", 0o755, true, 0o2755],
  ["u+w-x", 0o555, false, 0o655],
];

for (const [change, mode, isDirectory, want] of cases) {
  test(`parseModeChange: ${change} of ${mode.toString(8)} is ${want.toString(8)}`, () => {
    assert.equal(parseModeChange(change)(mode, isDirectory).toString(8), want.toString(8));
  });
}

for (const change of ["", "8", "77777", "u", "x+r", "u+z", "u=rw,"]) {
  test(`parseModeChange: '${change}' is refused`, () => {
    assert.throws(() => parseModeChange(change), /invalid chmod parameter/);
  });
}
