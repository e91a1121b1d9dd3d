import { testDefaults } from "#testing/kind-table.ts";

const group = "flowcontrol.apiserver.k8s.io";

testDefaults(group, "flowschemas", { spec: {} }, { "spec.matchingPrecedence": 1000 });
testDefaults(
  group,
  "prioritylevelconfigurations",
  { spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } } },
  {
    "spec.limited": {
      nominalConcurrencyShares: 30,
      lendablePercent: 0,
      limitResponse: {
        type: "Queue",
        queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 },
      },
    },
  },
);
testDefaults(
  group,
  "prioritylevelconfigurations",
  { spec: { type: "Exempt", exempt: {} } },
  { "spec.exempt": { nominalConcurrencyShares: 0, lendablePercent: 0 } },
);
