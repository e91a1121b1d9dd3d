import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { strategyFor, testFaults } from "#testing/kind-table.ts";

const group = "admissionregistration.k8s.io";
const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] };
const hooks: JsonObject = {
  metadata: { name: "a" },
  webhooks: [
    {
      name: "a.b.c",
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      clientConfig: { url: "https://example.com/x" },
      rules: [rule],
    },
  ],
};
const hook = "webhooks[0]";

for (const plural of ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]) {
  testFaults(group, plural, hooks, [
    ["webhooks.0.name", "", `Required ${hook}.name`],
    ["webhooks.0.name", "a.b", `Invalid ${hook}.name ~ at least three segments`],
    [
      "webhooks.0.sideEffects",
      undefined,
      `Required ${hook}.sideEffects ~ must specify one of None, NoneOnDryRun`,
    ],
    ["webhooks.0.sideEffects", "Some", `NotSupported ${hook}.sideEffects`],
    [
      "webhooks.0.admissionReviewVersions",
      [],
      `Required ${hook}.admissionReviewVersions ~ must specify one of v1, v1beta1`,
    ],
    [
      "webhooks.0.admissionReviewVersions",
      ["v2"],
      `Invalid ${hook}.admissionReviewVersions ~ must include at least one of v1, v1beta1`,
    ],
    [
      "webhooks.0.timeoutSeconds",
      31,
      `Invalid ${hook}.timeoutSeconds ~ must be between 1 and 30 seconds`,
    ],
    ["webhooks.0.failurePolicy", "x", `NotSupported ${hook}.failurePolicy`],
    [
      "webhooks.0.clientConfig",
      {},
      `Required ${hook}.clientConfig ~ exactly one of url or service is required`,
    ],
    [
      "webhooks.0.clientConfig.url",
      "http://a",
      `Invalid ${hook}.clientConfig.url ~ 'https' is the only allowed URL scheme`,
    ],
    [
      "webhooks.0.clientConfig.url",
      "https://a/?b",
      `Invalid ${hook}.clientConfig.url ~ query parameters are not permitted`,
    ],
    [
      "webhooks.0.clientConfig",
      { service: { name: "s" } },
      `Required ${hook}.clientConfig.service.namespace`,
    ],
    [
      "webhooks.0.clientConfig",
      { service: { name: "s", namespace: "n", path: "x" } },
      `Invalid ${hook}.clientConfig.service.path ~ must start with a '/' ; Invalid ${hook}.clientConfig.service.path`,
    ],
    ["webhooks.0.rules.0.operations", ["x"], `NotSupported ${hook}.rules[0].operations[0]`],
    ["webhooks.0.rules.0.operations", ["*", "CREATE"], `Invalid ${hook}.rules[0].operations`],
    ["webhooks.0.rules.0.resources", ["*", "pods"], `Invalid ${hook}.rules[0].resources`],
    [
      "webhooks.0.rules.0.resources",
      ["pods/*", "pods/log"],
      `Invalid ${hook}.rules[0].resources[1] ~ if 'pods/*' is present`,
    ],
    [
      "webhooks.0.matchConditions",
      [{ name: "a" }],
      `Required ${hook}.matchConditions[0].expression`,
    ],
  ]);
}

const policy: JsonObject = {
  metadata: { name: "p" },
  spec: {
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: "true" }],
  },
};
testFaults(group, "validatingadmissionpolicies", policy, [
  ["spec.matchConstraints", undefined, "Required spec.matchConstraints"],
  ["spec.matchConstraints.resourceRules", [], "Required spec.matchConstraints.resourceRules"],
  ["spec.validations", [], "Required spec.validations ; Required spec.auditAnnotations"],
  ["spec.validations.0.expression", " ", "Required spec.validations[0].expression"],
  [
    "spec.validations.0.message",
    "a\nb",
    "Invalid spec.validations[0].message ~ must not contain line breaks",
  ],
  ["spec.validations.0.reason", "x", "NotSupported spec.validations[0].reason"],
  ["spec.paramKind", { apiVersion: "v1" }, "Required spec.paramKind.kind"],
  [
    "spec.variables",
    [{ name: "a b", expression: "1" }],
    "Invalid spec.variables[0].name ~ must be a valid CEL identifier",
  ],
  ["spec.auditAnnotations", [{ key: "k" }], "Required spec.auditAnnotations[0].valueExpression"],
]);

const mutating: JsonObject = {
  metadata: { name: "p" },
  spec: {
    matchConstraints: { resourceRules: [rule] },
    mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[]" } }],
    reinvocationPolicy: "Never",
  },
};
testFaults(group, "mutatingadmissionpolicies", mutating, [
  ["spec.mutations", [], "Required spec.mutations"],
  [
    "spec.mutations.0.patchType",
    "ApplyConfiguration",
    "Required spec.mutations[0].applyConfiguration ; Invalid spec.mutations[0].jsonPatch",
  ],
  ["spec.reinvocationPolicy", undefined, "Required spec.reinvocationPolicy"],
  [
    "spec.matchConstraints.resourceRules.0.operations",
    ["DELETE"],
    "NotSupported spec.matchConstraints.resourceRules.operations",
  ],
]);

const binding: JsonObject = {
  metadata: { name: "b" },
  spec: {
    policyName: "p",
    validationActions: ["Deny"],
    paramRef: { name: "x", parameterNotFoundAction: "Deny" },
  },
};
testFaults(group, "validatingadmissionpolicybindings", binding, [
  ["spec.policyName", "", "Required spec.policyName"],
  ["spec.validationActions", [], "Required spec.validationActions"],
  [
    "spec.validationActions",
    ["Deny", "Warn"],
    "Invalid spec.validationActions ~ must not contain both Deny and Warn",
  ],
  [
    "spec.paramRef",
    { parameterNotFoundAction: "Deny" },
    "Required spec.paramRef ~ one of name or selector",
  ],
  ["spec.paramRef.selector", {}, "Forbidden spec.paramRef.name ; Forbidden spec.paramRef.selector"],
]);
testFaults(group, "mutatingadmissionpolicybindings", binding, [
  [
    "spec.paramRef.parameterNotFoundAction",
    "x",
    "NotSupported spec.paramRef.parameterNotFoundAction",
  ],
]);

test("columns of admission", () => {
  const cells = (plural: string, object: JsonObject): unknown[] =>
    strategyFor(group, plural).cells(object, 0);
  assert.deepEqual(cells("validatingwebhookconfigurations", hooks), ["a", 1, "<unknown>"]);
  assert.deepEqual(cells("validatingadmissionpolicies", policy), ["p", 1, "<unset>", "<unknown>"]);
  const bound = cells("validatingadmissionpolicybindings", binding);
  assert.deepEqual(bound, ["b", "p", "*/x", "<unknown>"]);
});
