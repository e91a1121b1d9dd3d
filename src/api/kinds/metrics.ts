import type { Resource, Verb } from "#api/resource.ts";

const group = "metrics.k8s.io";
const version = "v1beta1";
const verbs: readonly Verb[] = ["get", "list"];

/** What nodes and pods use: measured, not stored. `kubectl top` and autoscalers read them. */
export const nodeMetrics: Resource = {
  group,
  version,
  kind: "NodeMetrics",
  plural: "nodes",
  singular: "",
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs,
  subresources: [],
  type: "io.k8s.metrics.v1beta1.NodeMetrics",
  selectableFields: [],
  storageKey: "metrics.k8s.io/nodes",
  storageVersion: { group, version },
};

/** See {@link nodeMetrics}. */
export const podMetrics: Resource = {
  ...nodeMetrics,
  kind: "PodMetrics",
  plural: "pods",
  namespaced: true,
  type: "io.k8s.metrics.v1beta1.PodMetrics",
  storageKey: "metrics.k8s.io/pods",
};
