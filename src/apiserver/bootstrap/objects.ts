import type { JsonObject } from "#api/object.ts";
import { rbacGroup } from "#apiserver/auth/rbac/bindings.ts";
import { aggregate } from "./aggregation.ts";
import { clusterRoles } from "./cluster-roles.ts";
import { controllerRoles, ownControllerRoles } from "./controller-roles.ts";
import { flowControlGroup, flowSchemas, priorityLevels } from "./flow-control.ts";
import {
  clusterRoleBindings,
  joinBindings,
  joinRoles,
  namespaceRoleBindings,
  namespaceRoles,
} from "./role-bindings.ts";
import { bindingObject, roleObject, type BindingRow, type RoleRow } from "./rows.ts";

/** What the objects of a fresh cluster depend on. */
export interface BootstrapSettings {
  /** Where pods and nodes reach the API servers; IP addresses, all of one family. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** First address of the service range, `10.96.0.1`. */
  readonly serviceAddress: string;
  /** Of the cluster's DNS, `10.96.0.10`. */
  readonly dnsAddress: string;
  /** The service range, `10.96.0.0/16`. */
  readonly serviceRange: string;
  /** PEM of the cluster's authority. */
  readonly authority: string;
  /** RFC 3339; creation times inside of status. */
  readonly now: string;
}

/** An object with the resource it belongs to. */
export interface BootstrapObject {
  readonly resource: string;
  readonly group: string;
  readonly object: JsonObject;
}

export const systemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** The namespaces, which have to exist before the rest. */
export function namespaceObjects(): BootstrapObject[] {
  return systemNamespaces.map((name) => ({
    resource: "namespaces",
    group: "",
    object: {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    },
  }));
}

/** The default roles and bindings. */
export function roleObjects(): BootstrapObject[] {
  const controllers = [
    ...ofControllers("system:controller", controllerRoles),
    ...ofControllers("gantry:controller", ownControllerRoles),
  ];
  const of =
    (resource: string) =>
    (object: JsonObject): BootstrapObject => ({ resource, group: rbacGroup, object });
  const cluster = aggregate([...clusterRoles, ...controllers.map((it) => it.role)].map(roleObject));
  const bindings = [
    ...clusterRoleBindings,
    ...controllers.map((it) => it.binding),
    ...joinBindings,
  ];
  const inCluster = bindings.filter((it) => it.namespace === undefined);
  const inNamespace = joinBindings.filter((it) => it.namespace !== undefined);
  return [
    ...cluster.map(of("clusterroles")),
    ...[...namespaceRoles, ...joinRoles].map(roleObject).map(of("roles")),
    ...inCluster.map(bindingObject).map(of("clusterrolebindings")),
    ...[...namespaceRoleBindings, ...inNamespace].map(bindingObject).map(of("rolebindings")),
  ];
}

/** Each row as a role, and what binds it to the service account of its name. */
function ofControllers(
  prefix: string,
  rows: readonly RoleRow[],
): readonly { readonly role: RoleRow; readonly binding: BindingRow }[] {
  return rows.map((row) => {
    const name = `${prefix}:${row.name}`;
    const subjects = [`ServiceAccount kube-system/${row.name}`];
    return { role: { ...row, name }, binding: { name, role: name, subjects } };
  });
}

/** Everything that is made once and then left to the administrators. */
export function settingObjects(settings: BootstrapSettings): BootstrapObject[] {
  const classes: [name: string, value: number, description: string][] = [
    ["system-cluster-critical", 2_000_000_000, "What the cluster needs, on whichever node."],
    ["system-node-critical", 2_000_001_000, "What a node needs, on that very node."],
  ];
  const flow = { group: flowControlGroup };
  return [
    ...classes.map(([name, value, description]) => ({
      resource: "priorityclasses",
      group: "scheduling.k8s.io",
      object: {
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name },
        value,
        description,
        preemptionPolicy: "PreemptLowerPriority",
      },
    })),
    ...priorityLevels().map((object) => ({
      ...flow,
      resource: "prioritylevelconfigurations",
      object,
    })),
    ...flowSchemas().map((object) => ({ ...flow, resource: "flowschemas", object })),
    serviceRangeObject(settings),
  ];
}

/** What a cluster without any storage class is given. */
export function storageClassObject(): BootstrapObject {
  return {
    resource: "storageclasses",
    group: "storage.k8s.io",
    object: {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: {
        name: "local-path",
        annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
      },
      provisioner: "gantry.dev/local-path",
      reclaimPolicy: "Delete",
      volumeBindingMode: "WaitForFirstConsumer",
      allowVolumeExpansion: true,
    },
  };
}

/** What a cluster without any class of Ingresses is given: the one that its nodes serve. */
export function ingressClassObject(): BootstrapObject {
  return {
    resource: "ingressclasses",
    group: "networking.k8s.io",
    object: {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: {
        name: "gantry",
        annotations: { "ingressclass.kubernetes.io/is-default-class": "true" },
      },
      spec: { controller: "gantry.dev/ingress" },
    },
  };
}

function serviceRangeObject({ serviceRange, now }: BootstrapSettings): BootstrapObject {
  const ready = {
    type: "Ready",
    status: "True",
    reason: "",
    message: "Kubernetes Service CIDR is ready",
    lastTransitionTime: now,
  };
  return {
    resource: "servicecidrs",
    group: "networking.k8s.io",
    object: {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: "kubernetes" },
      spec: { cidrs: [serviceRange] },
      status: { conditions: [ready] },
    },
  };
}

/** What follows the settings at each start: where the API is, and whom it trusts. */
export function placeObjects(settings: BootstrapSettings): BootstrapObject[] {
  return [
    { resource: "services", group: "", object: serviceObject(settings) },
    { resource: "endpoints", group: "", object: endpointsObject(settings) },
    {
      resource: "endpointslices",
      group: "discovery.k8s.io",
      object: sliceObject(settings),
    },
    { resource: "services", group: "", object: dnsServiceObject(settings) },
    configMap("kube-public", "cluster-info", { kubeconfig: clusterInfo(settings) }),
    configMap("kube-system", "extension-apiserver-authentication", {
      "client-ca-file": settings.authority,
    }),
  ];
}

function serviceObject({ serviceAddress, port }: BootstrapSettings): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: serviceAddress,
      clusterIPs: [serviceAddress],
      ipFamilies: [familyOf(serviceAddress)],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
      sessionAffinity: "None",
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
    },
    status: { loadBalancer: {} },
  };
}

/** Every node answers its own pods, so the service has no endpoints, and the proxy leaves it alone. */
function dnsServiceObject({ dnsAddress }: BootstrapSettings): JsonObject {
  const port = (name: string, protocol: string): JsonObject => ({
    name,
    port: 53,
    protocol,
    targetPort: 53,
  });
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kube-dns",
      namespace: "kube-system",
      labels: {
        "k8s-app": "kube-dns",
        "kubernetes.io/cluster-service": "true",
        "service.kubernetes.io/service-proxy-name": "gantry-dns",
      },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: dnsAddress,
      clusterIPs: [dnsAddress],
      ipFamilies: [familyOf(dnsAddress)],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
      sessionAffinity: "None",
      ports: [port("dns", "UDP"), port("dns-tcp", "TCP")],
    },
    status: { loadBalancer: {} },
  };
}

function endpointsObject({ addresses, port }: BootstrapSettings): JsonObject {
  const subset = {
    addresses: addresses.filter(isReachable).map((ip) => ({ ip })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { "endpointslice.kubernetes.io/skip-mirror": "true" },
    },
    ...(subset.addresses.length === 0 ? {} : { subsets: [subset] }),
  };
}

function sliceObject({ addresses, port }: BootstrapSettings): JsonObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "kubernetes" },
    },
    addressType: familyOf(addresses[0] ?? ""),
    endpoints: addresses
      .filter(isReachable)
      .map((it) => ({ addresses: [it], conditions: { ready: true } })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}

/** A kubeconfig that says where the cluster is and how to know it, without a user. */
function clusterInfo({ addresses, port, authority }: BootstrapSettings): string {
  const address = addresses[0] ?? "";
  const host = familyOf(address) === "IPv6" ? `[${address}]` : address;
  const cluster = {
    "certificate-authority-data": Buffer.from(authority).toString("base64"),
    server: `https://${host}:${port}`,
  };
  // JSON is YAML.
  const document = { apiVersion: "v1", kind: "Config", clusters: [{ name: "", cluster }] };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function configMap(
  namespace: string,
  name: string,
  data: Readonly<Record<string, string>>,
): BootstrapObject {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
  return { resource: "configmaps", group: "", object };
}

/** Nobody else reaches this machine's loopback, and the API refuses it as an endpoint. */
function isReachable(address: string): boolean {
  return !address.startsWith("127.") && address !== "::1";
}

function familyOf(address: string): "IPv4" | "IPv6" {
  return address.includes(":") ? "IPv6" : "IPv4";
}
