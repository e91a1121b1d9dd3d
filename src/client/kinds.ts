import type * as types from "#api/gen/types.ts";
import { builtin } from "#api/kinds/list.ts";
import type { ResourceOf } from "./resource-of.ts";

const rbacGroup = "rbac.authorization.k8s.io";

// The built-in kinds that components read and write, typed.
export const configMaps: ResourceOf<types.ConfigMap> = builtin("", "configmaps");
export const endpoints: ResourceOf<types.Endpoints> = builtin("", "endpoints");
export const events: ResourceOf<types.CoreV1Event> = builtin("", "events");
export const namespaces: ResourceOf<types.Namespace> = builtin("", "namespaces");
export const nodes: ResourceOf<types.Node> = builtin("", "nodes");
export const persistentVolumes: ResourceOf<types.PersistentVolume> = builtin(
  "",
  "persistentvolumes",
);
export const persistentVolumeClaims: ResourceOf<types.PersistentVolumeClaim> = builtin(
  "",
  "persistentvolumeclaims",
);
export const pods: ResourceOf<types.Pod> = builtin("", "pods");
export const resourceClaims: ResourceOf<types.ResourceV1ResourceClaim> = builtin(
  "resource.k8s.io",
  "resourceclaims",
);
export const resourceQuotas: ResourceOf<types.ResourceQuota> = builtin("", "resourcequotas");
export const secrets: ResourceOf<types.Secret> = builtin("", "secrets");
export const serviceAccounts: ResourceOf<types.ServiceAccount> = builtin("", "serviceaccounts");
export const services: ResourceOf<types.Service> = builtin("", "services");
export const replicationControllers: ResourceOf<types.ReplicationController> = builtin(
  "",
  "replicationcontrollers",
);
export const horizontalPodAutoscalers: ResourceOf<types.HorizontalPodAutoscalerV2> = builtin(
  "autoscaling",
  "horizontalpodautoscalers",
);
export const statefulSets: ResourceOf<types.StatefulSet> = builtin("apps", "statefulsets");
export const daemonSets: ResourceOf<types.DaemonSet> = builtin("apps", "daemonsets");
export const controllerRevisions: ResourceOf<types.ControllerRevision> = builtin(
  "apps",
  "controllerrevisions",
);
export const podDisruptionBudgets: ResourceOf<types.PodDisruptionBudget> = builtin(
  "policy",
  "poddisruptionbudgets",
);
export const jobs: ResourceOf<types.Job> = builtin("batch", "jobs");
export const cronJobs: ResourceOf<types.CronJob> = builtin("batch", "cronjobs");
export const deployments: ResourceOf<types.Deployment> = builtin("apps", "deployments");
export const replicaSets: ResourceOf<types.ReplicaSet> = builtin("apps", "replicasets");
export const endpointSlices: ResourceOf<types.EndpointSlice> = builtin(
  "discovery.k8s.io",
  "endpointslices",
);
export const networkPolicies: ResourceOf<types.NetworkPolicy> = builtin(
  "networking.k8s.io",
  "networkpolicies",
);
export const ingresses: ResourceOf<types.Ingress> = builtin("networking.k8s.io", "ingresses");
export const ingressClasses: ResourceOf<types.IngressClass> = builtin(
  "networking.k8s.io",
  "ingressclasses",
);
export const leases: ResourceOf<types.Lease> = builtin("coordination.k8s.io", "leases");
export const clusterRoles: ResourceOf<types.ClusterRole> = builtin(rbacGroup, "clusterroles");
export const tokenReviews: ResourceOf<types.TokenReview> = builtin(
  "authentication.k8s.io",
  "tokenreviews",
);
export const certificateSigningRequests: ResourceOf<types.CertificateSigningRequest> = builtin(
  "certificates.k8s.io",
  "certificatesigningrequests",
);
export const subjectAccessReviews: ResourceOf<types.SubjectAccessReview> = builtin(
  "authorization.k8s.io",
  "subjectaccessreviews",
);
export const runtimeClasses: ResourceOf<types.RuntimeClass> = builtin(
  "node.k8s.io",
  "runtimeclasses",
);
export const storageClasses: ResourceOf<types.StorageClass> = builtin(
  "storage.k8s.io",
  "storageclasses",
);
export const volumeAttributesClasses: ResourceOf<types.VolumeAttributesClass> = builtin(
  "storage.k8s.io",
  "volumeattributesclasses",
);
