import assert from "node:assert/strict";
import { test } from "node:test";
import type { Target } from "#ingress/model.ts";
import { routeRules } from "./route-rules.ts";

const start = ["host = req.hdr(host),lower,field(1,:),rtrim(.)", "path = path,url_dec"];

/** Keys of the tables, and the expressions in their order: a variable, or a look for the backend. */
const cases: [exact: string[], prefix: string[], fallback: string[], want: string[]][] = [
  [[], [], [], []],
  [
    ["a.test/x"],
    ["a.test/"],
    [],
    [
      "key = var(txn.host),concat(,txn.path)",
      "var(txn.key),map_str(exact)",
      "var(txn.key),concat(/),map_beg(prefix)",
    ],
  ],
  [
    [],
    ["*.b.test/", "/"],
    [],
    [
      "wild = var(txn.host),regsub(^[^.]*,*)",
      "key = var(txn.wild),concat(,txn.path)",
      "var(txn.key),concat(/),map_beg(prefix)",
      "var(txn.path),concat(/),map_beg(prefix)",
    ],
  ],
  [
    ["/x"],
    [],
    ["a.test", "*.b.test"],
    [
      "wild = var(txn.host),regsub(^[^.]*,*)",
      "var(txn.path),map_str(exact)",
      "var(txn.host),map_str(fallback)",
      "var(txn.wild),map_str(fallback)",
    ],
  ],
];

for (const [exact, prefix, fallback, want] of cases) {
  test(`routeRules: [${exact.join()}] [${prefix.join()}] [${fallback.join()}]`, () => {
    const table = (keys: readonly string[]): Map<string, Target> =>
      new Map(keys.map((it) => [it, { backend: "b", redirect: false }]));
    const tables = { exact: table(exact), prefix: table(prefix), fallback: table(fallback) };
    const rules = routeRules({ ...tables, last: undefined }, (it) => it);
    const got = rules.map((it) => {
      const [, name = "", expression = ""] = /set-var\(txn\.(\w+)\) (\S+)/.exec(it) ?? [];
      const isGuarded = it.endsWith(" unless { var(txn.backend) -m found }");
      assert.equal(isGuarded, name === "backend", it);
      return name === "backend" ? expression : `${name} = ${expression}`;
    });
    assert.deepEqual(got, [...start, ...want]);
  });
}
