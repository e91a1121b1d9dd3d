import type { RoleRow } from "./rows.ts";

/** The role of each controller, named after its service account in `kube-system`; the role itself is
 * called `system:controller:<name>`. Facts: `bootstrappolicy/controller_policy.go`. */
export const controllerRoles: readonly RoleRow[] = [
  {
    name: "attachdetach-controller",
    rules: [
      "list,watch core persistentvolumeclaims,persistentvolumes",
      "read core nodes",
      "patch,update core nodes/status",
      "list,watch core pods",
      "create,patch,update core,events.k8s.io events",
      "read,create,delete storage.k8s.io volumeattachments",
      "read storage.k8s.io csidrivers",
      "read storage.k8s.io csinodes",
    ],
  },
  {
    name: "certificate-controller",
    rules: [
      "read,delete certificates.k8s.io certificatesigningrequests",
      "update certificates.k8s.io certificatesigningrequests/approval,certificatesigningrequests/status",
      "approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet",
      "sign certificates.k8s.io signers kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,kubernetes.io/legacy-unknown",
      "create authorization.k8s.io subjectaccessreviews",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "clusterrole-aggregation-controller",
    rules: ["read,escalate,patch,update rbac.authorization.k8s.io clusterroles"],
  },
  {
    name: "cronjob-controller",
    rules: [
      "read,update batch cronjobs",
      "read,create,delete,patch,update batch jobs",
      "update batch cronjobs/status",
      "update batch cronjobs/finalizers",
      "delete,list,watch core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "daemon-set-controller",
    rules: [
      "read apps,extensions daemonsets",
      "update apps,extensions daemonsets/status",
      "update apps,extensions daemonsets/finalizers",
      "list,watch core nodes",
      "create,delete,list,patch,watch core pods",
      "create core pods/binding",
      "read,create,delete,patch,update apps controllerrevisions",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "deployment-controller",
    rules: [
      "read,update apps,extensions deployments",
      "update apps,extensions deployments/status",
      "update apps,extensions deployments/finalizers",
      "read,create,delete,patch,update apps,extensions replicasets",
      "read,update core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "device-taint-eviction-controller",
    rules: [
      "read,delete core pods",
      "patch,update core pods/status",
      "read resource.k8s.io resourceclaims",
      "read resource.k8s.io resourceslices",
      "read resource.k8s.io deviceclasses",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "disruption-controller",
    rules: [
      "read apps,extensions deployments",
      "read apps,extensions replicasets",
      "read core replicationcontrollers",
      "read policy poddisruptionbudgets",
      "read apps statefulsets",
      "update policy poddisruptionbudgets/status",
      "patch,update core pods/status",
      "get * */scale",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "endpoint-controller",
    rules: [
      "read core pods,services",
      "read,create,delete,update core endpoints",
      "create core endpoints/restricted",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "endpointslice-controller",
    rules: [
      "read core nodes,pods,services",
      "update core services/finalizers",
      "read,create,delete,update discovery.k8s.io endpointslices",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "endpointslicemirroring-controller",
    rules: [
      "read core endpoints,services",
      "update core services/finalizers",
      "update core endpoints/finalizers",
      "read,create,delete,update discovery.k8s.io endpointslices",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "ephemeral-volume-controller",
    rules: [
      "read core pods",
      "update core pods/finalizers",
      "read,create core persistentvolumeclaims",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "expand-controller",
    rules: [
      "read,patch,update core persistentvolumes",
      "patch,update core persistentvolumeclaims/status",
      "read core persistentvolumeclaims",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "generic-garbage-collector",
    rules: ["read,delete,patch,update * *", "create,patch,update core,events.k8s.io events"],
  },
  {
    name: "horizontal-pod-autoscaler",
    rules: [
      "read autoscaling horizontalpodautoscalers",
      "update autoscaling horizontalpodautoscalers/status",
      "get,update * */scale",
      "list,watch core pods",
      "list,watch metrics.k8s.io pods",
      "read custom.metrics.k8s.io *",
      "read external.metrics.k8s.io *",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "job-controller",
    rules: [
      "read,patch,update batch jobs",
      "update batch jobs/status",
      "update batch jobs/finalizers",
      "create,delete,list,patch,watch core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "legacy-service-account-token-cleaner",
    rules: [
      "get core configmaps kube-apiserver-legacy-service-account-token-tracking",
      "delete,patch core secrets",
    ],
  },
  {
    name: "namespace-controller",
    rules: [
      "read,delete core namespaces",
      "update core namespaces/finalize,namespaces/status",
      "read,delete,deletecollection * *",
    ],
  },
  {
    name: "node-controller",
    rules: [
      "read,delete,patch,update core nodes",
      "patch,update core nodes/status",
      "patch,update core pods/status",
      "read,delete core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "persistent-volume-binder",
    rules: [
      "read,create,delete,update core persistentvolumes",
      "update core persistentvolumes/status",
      "read,update core persistentvolumeclaims",
      "update core persistentvolumeclaims/status",
      "read,create,delete core pods",
      "read storage.k8s.io storageclasses",
      "list,watch core nodes",
      "create,patch,update core,events.k8s.io events",
      "watch core events",
    ],
  },
  {
    name: "pod-garbage-collector",
    rules: ["delete,list,watch core pods", "read core nodes", "patch core pods/status"],
  },
  {
    name: "pv-protection-controller",
    rules: ["read,update core persistentvolumes", "create,patch,update core,events.k8s.io events"],
  },
  {
    name: "pvc-protection-controller",
    rules: [
      "read,update core persistentvolumeclaims",
      "update core persistentvolumeclaims/status",
      "read core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "replicaset-controller",
    rules: [
      "read,update apps,extensions replicasets",
      "update apps,extensions replicasets/status",
      "update apps,extensions replicasets/finalizers",
      "create,delete,list,patch,watch core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "replication-controller",
    rules: [
      "read,update core replicationcontrollers",
      "update core replicationcontrollers/status",
      "update core replicationcontrollers/finalizers",
      "create,delete,list,patch,watch core pods",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "resource-claim-controller",
    rules: [
      "read core pods",
      "update core pods/finalizers",
      "read,create,delete resource.k8s.io resourceclaims",
      "patch,update resource.k8s.io resourceclaims,resourceclaims/status",
      "patch,update core pods/status",
      "create,patch,update core,events.k8s.io events",
      "patch,update resource.k8s.io resourceclaims/binding",
    ],
  },
  {
    name: "resourcequota-controller",
    rules: [
      "list,watch * *",
      "update core resourcequotas/status",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "root-ca-cert-publisher",
    rules: ["create,update core configmaps", "create,patch,update core,events.k8s.io events"],
  },
  {
    name: "route-controller",
    rules: [
      "list,watch core nodes",
      "patch core nodes/status",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "selinux-warning-controller",
    rules: [
      "create,patch,update core,events.k8s.io events",
      "read core persistentvolumes",
      "read core persistentvolumeclaims",
      "read core pods",
      "read storage.k8s.io csidrivers",
    ],
  },
  {
    name: "service-account-controller",
    rules: ["create core serviceaccounts", "create,patch,update core,events.k8s.io events"],
  },
  {
    name: "service-cidrs-controller",
    rules: [
      "read,patch,update networking.k8s.io servicecidrs",
      "patch,update networking.k8s.io servicecidrs/finalizers",
      "patch,update networking.k8s.io servicecidrs/status",
      "read networking.k8s.io ipaddresses",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "service-controller",
    rules: [
      "read core services",
      "patch,update core services/status",
      "list,watch core nodes",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "statefulset-controller",
    rules: [
      "list,watch core pods",
      "read apps statefulsets",
      "update apps statefulsets/status",
      "update apps statefulsets/finalizers",
      "create,delete,get,patch,update core pods",
      "read,create,delete,patch,update apps controllerrevisions",
      "read,create core persistentvolumeclaims",
      "delete,update core persistentvolumeclaims",
      "update core pods/finalizers",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "ttl-after-finished-controller",
    rules: ["read,delete batch jobs", "create,patch,update core,events.k8s.io events"],
  },
  {
    name: "ttl-controller",
    rules: ["list,patch,update,watch core nodes", "create,patch,update core,events.k8s.io events"],
  },
  {
    name: "validatingadmissionpolicy-status-controller",
    rules: [
      "read admissionregistration.k8s.io validatingadmissionpolicies",
      "get,patch,update admissionregistration.k8s.io validatingadmissionpolicies/status",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    name: "volumeattributesclass-protection-controller",
    rules: [
      "read core persistentvolumeclaims",
      "read core persistentvolumes",
      "read,update storage.k8s.io volumeattributesclasses",
      "create,patch,update core,events.k8s.io events",
    ],
  },
];

/**
 * Rights of our controllers beside upstream's, by service account: where upstream updates a whole
 * object we patch what changes, and three controllers are ours alone. The roles are called
 * `gantry:controller:<name>`.
 */
export const ownControllerRoles: readonly RoleRow[] = [
  {
    name: "auto-rollback-controller",
    rules: [
      "patch apps replicasets",
      "update apps deployments",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  {
    // Nodes' servers too have certificates that nobody has to approve by hand.
    name: "certificate-controller",
    rules: ["approve certificates.k8s.io signers kubernetes.io/kubelet-serving"],
  },
  { name: "deployment-controller", rules: ["patch apps deployments"] },
  {
    name: "horizontal-pod-autoscaler",
    rules: ["patch * */scale", "patch autoscaling horizontalpodautoscalers/status"],
  },
  {
    // Volumes' directories are made by the nodes' own servers.
    name: "local-path-provisioner",
    rules: [
      "create,delete,update core persistentvolumes",
      "update core persistentvolumeclaims",
      "update core persistentvolumeclaims/status",
      "delete,get,update core nodes/proxy",
      "create,patch,update core,events.k8s.io events",
    ],
  },
  { name: "remove-after-end-controller", rules: ["delete core pods"] },
  { name: "statefulset-controller", rules: ["patch core persistentvolumeclaims"] },
];
