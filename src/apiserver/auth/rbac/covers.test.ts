import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRule } from "#apiserver/bootstrap/rows.ts";
import { describeRights, missingRights } from "./covers.ts";

const cases: [owned: string[], wanted: string[], missing: string[]][] = [
  [["* * *"], ["get core pods", "delete apps deployments/scale"], []],
  [["get core pods"], ["get core pods"], []],
  [["get core pods"], ["get core pods a"], []],
  [["get core pods a"], ["get core pods"], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']],
  [
    ["get core pods a"],
    ["get core pods a,b"],
    ['{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get"]}'],
  ],
  [
    ["get core pods"],
    ["get,list,watch core pods,services"],
    [
      '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
      '{APIGroups:[""], Resources:["services"], Verbs:["get" "list" "watch"]}',
    ],
  ],
  [["get * */scale"], ["get apps deployments/scale"], []],
  [
    ["get core pods"],
    ["get core pods/log"],
    ['{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}'],
  ],
  [["get /healthz,/debug/*"], ["get /healthz,/debug/pprof,/debug/*"], []],
  [["* * *"], ["get /metrics"], ['{NonResourceURLs:["/metrics"], Verbs:["get"]}']],
  [["get core pods", "list core pods"], ["get,list core pods"], []],
];

for (const [owned, wanted, missing] of cases) {
  test(`missingRights: [${owned.join("; ")}] for [${wanted.join("; ")}]`, () => {
    const found = missingRights(owned.map(parseRule), wanted.map(parseRule));
    assert.deepEqual(describeRights(found), missing);
  });
}
