import { testDefaults } from "#testing/kind-table.ts";

const group = "admissionregistration.k8s.io";
const matched = { matchPolicy: "Equivalent", namespaceSelector: {}, objectSelector: {} };
const hook = {
  name: "a",
  clientConfig: { service: { name: "s" } },
  rules: [{ operations: ["*"] }],
};
const wantHook = {
  name: "a",
  clientConfig: { service: { name: "s", port: 443 } },
  rules: [{ operations: ["*"], scope: "*" }],
  failurePolicy: "Fail",
  timeoutSeconds: 10,
  ...matched,
};

testDefaults(
  group,
  "validatingwebhookconfigurations",
  { webhooks: [hook] },
  { "webhooks.0": wantHook },
);
testDefaults(
  group,
  "mutatingwebhookconfigurations",
  { webhooks: [hook] },
  { "webhooks.0": { ...wantHook, reinvocationPolicy: "Never" } },
);
for (const plural of ["validatingadmissionpolicies", "mutatingadmissionpolicies"]) {
  testDefaults(
    group,
    plural,
    { spec: { matchConstraints: { resourceRules: [{}] } } },
    {
      "spec.failurePolicy": "Fail",
      "spec.matchConstraints": { ...matched, resourceRules: [{ scope: "*" }] },
    },
  );
}
testDefaults(
  group,
  "validatingadmissionpolicybindings",
  { spec: { matchResources: {} } },
  { "spec.matchResources": matched },
);
