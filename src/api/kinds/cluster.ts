import { action, resourcesOf, status, type Row } from "./row.ts";

const cluster = { scope: "cluster" } as const;

export const networking = resourcesOf(
  { group: "networking.k8s.io", version: "v1", package: "io.k8s.api.networking.v1" },
  [
    { kind: "IngressClass", plural: "ingressclasses", ...cluster },
    { kind: "Ingress", plural: "ingresses", short: ["ing"], subresources: [status] },
    { kind: "IPAddress", plural: "ipaddresses", short: ["ip"], ...cluster },
    { kind: "NetworkPolicy", plural: "networkpolicies", short: ["netpol"] },
    { kind: "ServiceCIDR", plural: "servicecidrs", ...cluster, subresources: [status] },
  ],
);

export const discovery = resourcesOf(
  { group: "discovery.k8s.io", version: "v1", package: "io.k8s.api.discovery.v1" },
  [{ kind: "EndpointSlice", plural: "endpointslices" }],
);

export const rbac = resourcesOf(
  { group: "rbac.authorization.k8s.io", version: "v1", package: "io.k8s.api.rbac.v1" },
  [
    { kind: "ClusterRoleBinding", plural: "clusterrolebindings", ...cluster },
    { kind: "ClusterRole", plural: "clusterroles", ...cluster },
    { kind: "RoleBinding", plural: "rolebindings" },
    { kind: "Role", plural: "roles" },
  ],
);

export const storage = resourcesOf(
  { group: "storage.k8s.io", version: "v1", package: "io.k8s.api.storage.v1" },
  [
    { kind: "CSIDriver", plural: "csidrivers", ...cluster },
    { kind: "CSINode", plural: "csinodes", ...cluster },
    { kind: "CSIStorageCapacity", plural: "csistoragecapacities" },
    { kind: "StorageClass", plural: "storageclasses", short: ["sc"], ...cluster },
    { kind: "VolumeAttachment", plural: "volumeattachments", ...cluster, subresources: [status] },
    {
      kind: "VolumeAttributesClass",
      plural: "volumeattributesclasses",
      short: ["vac"],
      ...cluster,
    },
  ],
);

export const scheduling = resourcesOf(
  { group: "scheduling.k8s.io", version: "v1", package: "io.k8s.api.scheduling.v1" },
  [{ kind: "PriorityClass", plural: "priorityclasses", short: ["pc"], ...cluster }],
);

export const node = resourcesOf(
  { group: "node.k8s.io", version: "v1", package: "io.k8s.api.node.v1" },
  [{ kind: "RuntimeClass", plural: "runtimeclasses", ...cluster }],
);

export const coordination = resourcesOf(
  { group: "coordination.k8s.io", version: "v1", package: "io.k8s.api.coordination.v1" },
  [{ kind: "Lease", plural: "leases" }],
);

/** The same objects as the core group's events, in the newer shape. */
export const events = resourcesOf(
  { group: "events.k8s.io", version: "v1", package: "io.k8s.api.events.v1" },
  [
    {
      kind: "Event",
      plural: "events",
      short: ["ev"],
      fields: [
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "regarding.apiVersion",
        "regarding.resourceVersion",
        "regarding.fieldPath",
        "reason",
        "reportingController",
        "type",
      ],
      storage: { group: "", version: "v1", key: "core/events" },
    },
  ],
);

export const certificates = resourcesOf(
  { group: "certificates.k8s.io", version: "v1", package: "io.k8s.api.certificates.v1" },
  [
    {
      kind: "CertificateSigningRequest",
      plural: "certificatesigningrequests",
      short: ["csr"],
      ...cluster,
      fields: ["spec.signerName"],
      subresources: [
        action("approval", ["get", "patch", "update"], {
          group: "certificates.k8s.io",
          version: "v1",
          kind: "CertificateSigningRequest",
        }),
        status,
      ],
    },
  ],
);

export const admissionRegistration = resourcesOf(
  {
    group: "admissionregistration.k8s.io",
    version: "v1",
    package: "io.k8s.api.admissionregistration.v1",
  },
  [
    { kind: "MutatingAdmissionPolicy", plural: "mutatingadmissionpolicies", ...cluster },
    {
      kind: "MutatingAdmissionPolicyBinding",
      plural: "mutatingadmissionpolicybindings",
      ...cluster,
    },
    { kind: "MutatingWebhookConfiguration", plural: "mutatingwebhookconfigurations", ...cluster },
    {
      kind: "ValidatingAdmissionPolicy",
      plural: "validatingadmissionpolicies",
      ...cluster,
      subresources: [status],
    },
    {
      kind: "ValidatingAdmissionPolicyBinding",
      plural: "validatingadmissionpolicybindings",
      ...cluster,
    },
    {
      kind: "ValidatingWebhookConfiguration",
      plural: "validatingwebhookconfigurations",
      ...cluster,
    },
  ],
);

export const flowControl = resourcesOf(
  {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    package: "io.k8s.api.flowcontrol.v1",
  },
  [
    { kind: "FlowSchema", plural: "flowschemas", ...cluster, subresources: [status] },
    {
      kind: "PriorityLevelConfiguration",
      plural: "prioritylevelconfigurations",
      ...cluster,
      subresources: [status],
    },
  ],
);

export const dynamicResources = resourcesOf(
  { group: "resource.k8s.io", version: "v1", package: "io.k8s.api.resource.v1" },
  [
    { kind: "DeviceClass", plural: "deviceclasses", ...cluster },
    { kind: "ResourceClaim", plural: "resourceclaims", subresources: [status] },
    { kind: "ResourceClaimTemplate", plural: "resourceclaimtemplates" },
    {
      kind: "ResourceSlice",
      plural: "resourceslices",
      ...cluster,
      fields: ["spec.driver", "spec.nodeName"],
    },
  ],
);

/** Questions, not objects: the answer is in the response and nothing is stored. */
function question(kind: string, plural: string, namespaced = false): Row {
  return { kind, plural, verbs: ["create"], ...(namespaced ? {} : cluster) };
}

export const authentication = resourcesOf(
  { group: "authentication.k8s.io", version: "v1", package: "io.k8s.api.authentication.v1" },
  [question("SelfSubjectReview", "selfsubjectreviews"), question("TokenReview", "tokenreviews")],
);

export const authorization = resourcesOf(
  { group: "authorization.k8s.io", version: "v1", package: "io.k8s.api.authorization.v1" },
  [
    question("LocalSubjectAccessReview", "localsubjectaccessreviews", true),
    question("SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    question("SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    question("SubjectAccessReview", "subjectaccessreviews"),
  ],
);
