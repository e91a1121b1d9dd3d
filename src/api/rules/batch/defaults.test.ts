import { testDefaults } from "#testing/kind-table.ts";

const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "a" }] } };

testDefaults(
  "batch",
  "jobs",
  { spec: { template } },
  {
    "spec.parallelism": 1,
    "spec.completions": 1,
    "spec.backoffLimit": 6,
    "spec.completionMode": "NonIndexed",
    "spec.suspend": false,
    "spec.podReplacementPolicy": "TerminatingOrFailed",
    "spec.template.spec.containers.0.imagePullPolicy": "Always",
  },
);
testDefaults(
  "batch",
  "jobs",
  { spec: { template, parallelism: 2 } },
  { "spec.completions": undefined, "spec.parallelism": 2 },
);
testDefaults(
  "batch",
  "jobs",
  { spec: { template, completionMode: "Indexed", completions: 2, backoffLimitPerIndex: 1 } },
  { "spec.backoffLimit": 2_147_483_647, "spec.parallelism": 1 },
);
testDefaults(
  "batch",
  "cronjobs",
  { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
  {
    "spec.concurrencyPolicy": "Allow",
    "spec.suspend": false,
    "spec.successfulJobsHistoryLimit": 3,
    "spec.failedJobsHistoryLimit": 1,
    "spec.jobTemplate.spec.template.spec.dnsPolicy": "ClusterFirst",
    "spec.jobTemplate.spec.completions": undefined,
  },
);
