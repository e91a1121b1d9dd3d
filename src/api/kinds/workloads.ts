import { resourcesOf, scale, status, type Row } from "./row.ts";

const all = { categories: ["all"] };

export const apps = resourcesOf({ group: "apps", version: "v1", package: "io.k8s.api.apps.v1" }, [
  { kind: "ControllerRevision", plural: "controllerrevisions" },
  { kind: "DaemonSet", plural: "daemonsets", short: ["ds"], ...all, subresources: [status] },
  {
    kind: "Deployment",
    plural: "deployments",
    short: ["deploy"],
    ...all,
    subresources: [scale, status],
  },
  {
    kind: "ReplicaSet",
    plural: "replicasets",
    short: ["rs"],
    ...all,
    fields: ["status.replicas"],
    subresources: [scale, status],
  },
  {
    kind: "StatefulSet",
    plural: "statefulsets",
    short: ["sts"],
    ...all,
    subresources: [scale, status],
  },
]);

export const batch = resourcesOf(
  { group: "batch", version: "v1", package: "io.k8s.api.batch.v1" },
  [
    { kind: "CronJob", plural: "cronjobs", short: ["cj"], ...all, subresources: [status] },
    { kind: "Job", plural: "jobs", ...all, fields: ["status.successful"], subresources: [status] },
  ],
);

const autoscaler: Row = {
  kind: "HorizontalPodAutoscaler",
  plural: "horizontalpodautoscalers",
  short: ["hpa"],
  ...all,
  subresources: [status],
  storage: { group: "autoscaling", version: "v2", key: "autoscaling/horizontalpodautoscalers" },
};

export const autoscaling = [
  ...resourcesOf({ group: "autoscaling", version: "v2", package: "io.k8s.api.autoscaling.v2" }, [
    autoscaler,
  ]),
  ...resourcesOf({ group: "autoscaling", version: "v1", package: "io.k8s.api.autoscaling.v1" }, [
    autoscaler,
  ]),
];

export const policy = resourcesOf(
  { group: "policy", version: "v1", package: "io.k8s.api.policy.v1" },
  [
    {
      kind: "PodDisruptionBudget",
      plural: "poddisruptionbudgets",
      short: ["pdb"],
      subresources: [status],
    },
  ],
);
