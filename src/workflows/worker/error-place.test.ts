import assert from "node:assert/strict";
import { test } from "node:test";
import { lineNaming, PlacedError, placeOf } from "./error-place.ts";

test("lineNaming: the line that has the name in quotes, else as a word", () => {
  const text = 'import a from "./lib/a.ts";\nconst b = dag("shop");\ncommand: load.sh\nshop-eu: 1';
  const table: readonly (readonly [string, number | undefined])[] = [
    ["a.ts", 1],
    ["shop", 2],
    ["load.sh", 3],
    ["shop-eu", 4],
    ["eu", undefined],
    ["nope", undefined],
  ];
  for (const [name, want] of table) assert.equal(lineNaming(text, name), want, name);
  assert.equal(lineNaming(undefined, "shop"), undefined);
});

test("placeOf: a module that is missing is told at its import", () => {
  const at = { folder: "/dags", file: "shop.ts" };
  const files = {
    "shop.ts": 'import { dag } from "gantry/workflows";\nimport { x } from "./lib/x.ts";\n',
    "lib/x.ts": '\n\nimport lodash from "lodash";\n',
  };
  const table: readonly (readonly [Error, string, number | undefined])[] = [
    [
      new Error("Cannot find module '/dags/lib/x.ts' imported from /dags/shop.ts"),
      "Cannot find module 'lib/x.ts' imported from shop.ts",
      2,
    ],
    [
      new Error("Cannot find package 'lodash' imported from /dags/lib/x.ts?gantry=4"),
      "Cannot find package 'lodash' imported from lib/x.ts:3",
      undefined,
    ],
    [new PlacedError("it is wrong", 7), "it is wrong", 7],
  ];
  for (const [error, message, line] of table) {
    assert.deepEqual(placeOf(error, at, files), { message, line });
  }
});
