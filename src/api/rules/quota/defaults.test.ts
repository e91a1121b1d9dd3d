import { testDefaults } from "#testing/kind-table.ts";

testDefaults(
  "",
  "limitranges",
  { spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { memory: "1Gi" } }] } },
  {
    "spec.limits.0.default": { cpu: "2" },
    "spec.limits.0.defaultRequest": { cpu: "2", memory: "1Gi" },
  },
);
testDefaults(
  "",
  "limitranges",
  { spec: { limits: [{ type: "Pod", max: { cpu: "2" } }] } },
  { "spec.limits.0.default": undefined },
);
