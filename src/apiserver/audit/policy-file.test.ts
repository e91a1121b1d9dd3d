import assert from "node:assert/strict";
import { test } from "node:test";
import { readPolicy } from "./policy-file.ts";

const head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

test("a policy in the form of upstream's documentation", () => {
  const policy = readPolicy(`${head}omitStages: [RequestReceived]
rules:
  - level: RequestResponse
    resources: [{ group: "", resources: ["pods"] }]
  - level: None
    users: ["system:kube-proxy"]
    verbs: ["watch"]
    resources: [{ group: "", resources: ["endpoints", "services"] }]
  - level: None
    userGroups: ["system:authenticated"]
    nonResourceURLs: ["/api*", "/version"]
  - level: Metadata
    omitStages: [Panic]
    omitManagedFields: true
`);
  assert.deepEqual(
    policy.rules.map((it) => it.level),
    ["RequestResponse", "None", "None", "Metadata"],
  );
  assert.deepEqual(policy.omitStages, ["RequestReceived"]);
  assert.equal(policy.omitManagedFields, false);
  assert.deepEqual(policy.rules[0]?.resources, [
    { group: "", resources: ["pods"], resourceNames: [] },
  ]);
  assert.deepEqual(policy.rules[2]?.nonResourceURLs, ["/api*", "/version"]);
  assert.equal(policy.rules[3]?.omitManagedFields, true);
});

const wrong: [text: string, message: RegExp][] = [
  ["", /expected one Policy/],
  [`${head}rules: [{level: None}]\n---\na: 1\n`, /expected one Policy/],
  ["apiVersion: audit.k8s.io/v1beta1\nkind: Policy\n", /expected apiVersion audit.k8s.io\/v1 and/],
  [head, /rules: expected at least one/],
  [`${head}rules: {}\n`, /^Error: rules: Invalid value: .*expected a list of objects/],
  [`${head}rules: [{}]\n`, /rules\[0\]\.level: Required value/],
  [`${head}rules: [{level: All}]\n`, /rules\[0\]\.level: Unsupported value: "All"/],
  [`${head}rules: [{level: None, user: [a]}]\n`, /rules\[0\]\.user: .*no such field/],
  [`${head}rules: [{level: None, users: [1]}]\n`, /rules\[0\]\.users: .*a list of texts/],
  [`${head}omitStages: [End]\nrules: [{level: None}]\n`, /omitStages\[0\]: .*allowed stages are/],
  [`${head}rules: [{level: None, nonResourceURLs: [a]}]\n`, /\[0\]: .*must begin with a '\/'/],
  [`${head}rules: [{level: None, nonResourceURLs: [/a*/b]}]\n`, /must be the final character/],
  [
    `${head}rules: [{level: None, nonResourceURLs: [/a], namespaces: [a]}]\n`,
    /cannot apply to both regular resources and/,
  ],
  [
    `${head}rules: [{level: None, resources: [{group: apps/v1}]}]\n`,
    /rules\[0\]\.resources\[0\]\.group: .*without its version/,
  ],
  [
    `${head}rules: [{level: None, resources: [{resourceNames: [a]}]}]\n`,
    /using resourceNames requires at least one resource/,
  ],
];

for (const [text, message] of wrong) {
  test(`refused: ${JSON.stringify(text.replace(head, ""))}`, () => {
    assert.throws(() => readPolicy(text), message);
  });
}
