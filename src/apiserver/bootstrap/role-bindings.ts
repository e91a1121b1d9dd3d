import type { BindingRow, RoleRow } from "./rows.ts";

/** The Roles of the system namespaces. Facts: `bootstrappolicy/namespace_policy.go`. */
export const namespaceRoles: readonly RoleRow[] = [
  {
    name: "system:controller:bootstrap-signer",
    namespace: "kube-public",
    rules: [
      "read core configmaps",
      "update core configmaps cluster-info",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "extension-apiserver-authentication-reader",
    namespace: "kube-system",
    rules: ["read core configmaps extension-apiserver-authentication"],
  },
  {
    name: "system::leader-locking-kube-controller-manager",
    namespace: "kube-system",
    rules: [
      "read,create,update coordination.k8s.io leases",
      "read,create,update coordination.k8s.io leasecandidates",
    ],
  },
  {
    name: "system::leader-locking-kube-scheduler",
    namespace: "kube-system",
    rules: [
      "read,create,update coordination.k8s.io leases",
      "read,create,update coordination.k8s.io leasecandidates",
    ],
  },
  {
    name: "system:controller:bootstrap-signer",
    namespace: "kube-system",
    rules: ["read core secrets"],
  },
  {
    name: "system:controller:cloud-provider",
    namespace: "kube-system",
    rules: ["read,create core configmaps"],
  },
  {
    name: "system:controller:token-cleaner",
    namespace: "kube-system",
    rules: ["read,delete core secrets", "create,patch,update core,events.k8s.io events"],
  },
];
/** Who holds the default ClusterRoles, apart from the controllers. Facts: `bootstrappolicy/policy.go`. */
export const clusterRoleBindings: readonly BindingRow[] = [
  { name: "cluster-admin", role: "cluster-admin", subjects: ["Group system:masters"] },
  {
    name: "system:basic-user",
    role: "system:basic-user",
    subjects: ["Group system:authenticated"],
  },
  { name: "system:discovery", role: "system:discovery", subjects: ["Group system:authenticated"] },
  {
    name: "system:kube-controller-manager",
    role: "system:kube-controller-manager",
    subjects: ["User system:kube-controller-manager"],
  },
  {
    name: "system:kube-dns",
    role: "system:kube-dns",
    subjects: ["ServiceAccount kube-system/kube-dns"],
  },
  {
    name: "system:kube-scheduler",
    role: "system:kube-scheduler",
    subjects: ["User system:kube-scheduler"],
  },
  { name: "system:monitoring", role: "system:monitoring", subjects: ["Group system:monitoring"] },
  { name: "system:node", role: "system:node", subjects: [] },
  {
    name: "system:metrics-server",
    role: "system:metrics-server",
    subjects: ["ServiceAccount kube-system/metrics-server"],
  },
  {
    name: "system:node-proxier",
    role: "system:node-proxier",
    // The agent of a node keeps routes and service rules in the node's own name.
    subjects: ["User system:kube-proxy", "Group system:nodes"],
  },
  {
    name: "system:public-info-viewer",
    role: "system:public-info-viewer",
    subjects: ["Group system:authenticated", "Group system:unauthenticated"],
  },
  {
    name: "system:service-account-issuer-discovery",
    role: "system:service-account-issuer-discovery",
    subjects: ["Group system:serviceaccounts"],
  },
  {
    name: "system:volume-scheduler",
    role: "system:volume-scheduler",
    subjects: ["User system:kube-scheduler"],
  },
];
/** Who holds the Roles of the system namespaces. */
export const namespaceRoleBindings: readonly BindingRow[] = [
  {
    name: "system:controller:bootstrap-signer",
    namespace: "kube-public",
    role: "system:controller:bootstrap-signer",
    subjects: ["ServiceAccount kube-system/bootstrap-signer"],
  },
  {
    name: "system::extension-apiserver-authentication-reader",
    namespace: "kube-system",
    role: "extension-apiserver-authentication-reader",
    subjects: ["User system:kube-controller-manager", "User system:kube-scheduler"],
  },
  {
    name: "system::leader-locking-kube-controller-manager",
    namespace: "kube-system",
    role: "system::leader-locking-kube-controller-manager",
    subjects: [
      "User system:kube-controller-manager",
      "ServiceAccount kube-system/kube-controller-manager",
      "ServiceAccount kube-system/leader-election-controller",
    ],
  },
  {
    name: "system::leader-locking-kube-scheduler",
    namespace: "kube-system",
    role: "system::leader-locking-kube-scheduler",
    subjects: ["User system:kube-scheduler", "ServiceAccount kube-system/kube-scheduler"],
  },
  {
    name: "system:controller:bootstrap-signer",
    namespace: "kube-system",
    role: "system:controller:bootstrap-signer",
    subjects: ["ServiceAccount kube-system/bootstrap-signer"],
  },
  {
    name: "system:controller:cloud-provider",
    namespace: "kube-system",
    role: "system:controller:cloud-provider",
    subjects: ["ServiceAccount kube-system/cloud-provider"],
  },
  {
    name: "system:controller:token-cleaner",
    namespace: "kube-system",
    role: "system:controller:token-cleaner",
    subjects: ["ServiceAccount kube-system/token-cleaner"],
  },
];

/**
 * What a machine needs to join with a bootstrap token: read how to reach the cluster, ask for a
 * node's client certificate, and later renew it. Upstream leaves these to kubeadm.
 */
export const joinRoles: readonly RoleRow[] = [
  {
    name: "gantry:cluster-info",
    namespace: "kube-public",
    rules: ["get core configmaps cluster-info"],
  },
];

export const joinBindings: readonly BindingRow[] = [
  {
    name: "gantry:network-policy",
    role: "gantry:network-policy",
    subjects: ["User system:kube-proxy", "Group system:nodes"],
  },
  { name: "gantry:ingress", role: "gantry:ingress", subjects: ["Group system:nodes"] },
  {
    name: "gantry:ingress-status",
    role: "gantry:ingress-status",
    subjects: ["User system:gantry:ingress"],
  },
  {
    name: "gantry:cluster-info",
    namespace: "kube-public",
    role: "gantry:cluster-info",
    subjects: ["User system:anonymous", "Group system:bootstrappers"],
  },
  {
    name: "gantry:node-bootstrapper",
    role: "system:node-bootstrapper",
    subjects: ["Group system:bootstrappers"],
  },
  {
    name: "gantry:node-client-certificates",
    role: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    subjects: ["Group system:bootstrappers"],
  },
  {
    name: "gantry:node-certificate-renewal",
    role: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    subjects: ["Group system:nodes"],
  },
];
