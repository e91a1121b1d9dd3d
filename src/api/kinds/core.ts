import { action, resourcesOf, scale, status, type Row } from "./row.ts";

const v1 = { group: "", version: "v1" };
const connect = ["create", "get"] as const;
const proxy = ["create", "delete", "get", "patch", "update"] as const;

const pod: Row = {
  kind: "Pod",
  plural: "pods",
  short: ["po"],
  categories: ["all"],
  fields: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
  ],
  subresources: [
    action("attach", connect, { ...v1, kind: "PodAttachOptions" }),
    action("binding", ["create"], { ...v1, kind: "Binding" }),
    action("ephemeralcontainers", ["get", "patch", "update"], { ...v1, kind: "Pod" }),
    action("eviction", ["create"], { group: "policy", version: "v1", kind: "Eviction" }),
    action("exec", connect, { ...v1, kind: "PodExecOptions" }),
    action("log", ["get"], { ...v1, kind: "Pod" }),
    action("portforward", connect, { ...v1, kind: "PodPortForwardOptions" }),
    action("proxy", proxy, { ...v1, kind: "PodProxyOptions" }),
    action("resize", ["get", "patch", "update"], { ...v1, kind: "Pod" }),
    status,
  ],
};

const event: Row = {
  kind: "Event",
  plural: "events",
  short: ["ev"],
  fields: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
};

const service: Row = {
  kind: "Service",
  plural: "services",
  short: ["svc"],
  categories: ["all"],
  fields: ["spec.clusterIP", "spec.type"],
  subresources: [action("proxy", proxy, { ...v1, kind: "ServiceProxyOptions" }), status],
};

/** The core group. */
export const core = resourcesOf({ ...v1, package: "io.k8s.api.core.v1" }, [
  { kind: "Binding", plural: "bindings", verbs: ["create"] },
  { kind: "ConfigMap", plural: "configmaps", short: ["cm"] },
  { kind: "Endpoints", plural: "endpoints", short: ["ep"] },
  event,
  { kind: "LimitRange", plural: "limitranges", short: ["limits"] },
  {
    kind: "Namespace",
    plural: "namespaces",
    scope: "cluster",
    short: ["ns"],
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    fields: ["status.phase"],
    subresources: [action("finalize", ["update"], { ...v1, kind: "Namespace" }), status],
  },
  {
    kind: "Node",
    plural: "nodes",
    scope: "cluster",
    short: ["no"],
    fields: ["spec.unschedulable"],
    subresources: [action("proxy", proxy, { ...v1, kind: "NodeProxyOptions" }), status],
  },
  {
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    short: ["pvc"],
    subresources: [status],
  },
  {
    kind: "PersistentVolume",
    plural: "persistentvolumes",
    scope: "cluster",
    short: ["pv"],
    subresources: [status],
  },
  pod,
  { kind: "PodTemplate", plural: "podtemplates" },
  {
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    short: ["rc"],
    categories: ["all"],
    fields: ["status.replicas"],
    subresources: [scale, status],
  },
  { kind: "ResourceQuota", plural: "resourcequotas", short: ["quota"], subresources: [status] },
  { kind: "Secret", plural: "secrets", fields: ["type"] },
  {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    short: ["sa"],
    subresources: [
      action("token", ["create"], {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "TokenRequest",
      }),
    ],
  },
  service,
]);
