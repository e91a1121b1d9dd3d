import type { EndpointSlice, Node, Service } from "#api/gen/types.ts";
import { isDeleting, keyOf } from "#client/object-key.ts";

export interface LoadBalancerInput {
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
  /** Slices of a service, by its key. */
  readonly slicesOf: (key: string) => readonly EndpointSlice[];
  /** Ports of nodes that are the cluster's own, `tcp/6443`. */
  readonly reserved: ReadonlySet<string>;
}

export type LoadBalancerStep =
  | { readonly kind: "publish"; readonly service: Service; readonly addresses: readonly string[] }
  | { readonly kind: "conflict"; readonly service: Service; readonly message: string };

const excludedLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/**
 * Services of the type LoadBalancer are answered on the nodes' own addresses: each gets those of all
 * nodes that are ready, under the external policy Local of those with a pod of the service. A port
 * of the nodes serves one service, the one that has it, else the oldest.
 */
export function planLoadBalancers(input: LoadBalancerInput): LoadBalancerStep[] {
  const taken = new Map([...input.reserved].map((it) => [it, "the cluster itself"]));
  const steps: LoadBalancerStep[] = [];
  for (const service of input.services.toSorted(byClaim)) {
    if (!isOurs(service)) {
      if (hadOurs(service)) steps.push({ kind: "publish", service, addresses: [] });
      continue;
    }
    const ports = portsOf(service);
    const conflict = ports.find((it) => taken.has(it));
    if (conflict === undefined) {
      for (const it of ports) taken.set(it, keyOf(service));
    } else {
      const holder = taken.get(conflict) ?? "";
      const message = `Error syncing load balancer: port ${conflict} of the nodes is taken by ${holder}; choose another port`;
      steps.push({ kind: "conflict", service, message });
    }
    const addresses = conflict === undefined ? addressesFor(service, input) : [];
    if (addresses.join() !== publishedOf(service).join()) {
      steps.push({ kind: "publish", service, addresses });
    }
  }
  return steps;
}

/** A class names another implementation. */
function isOurs(service: Service): boolean {
  const { type, loadBalancerClass } = service.spec ?? {};
  return type === "LoadBalancer" && loadBalancerClass === undefined && !isDeleting(service);
}

function hadOurs(service: Service): boolean {
  return service.spec?.type !== "LoadBalancer" && publishedOf(service).length > 0;
}

export function publishedOf(service: Service): string[] {
  return (service.status?.loadBalancer?.ingress ?? []).map((it) => it.ip ?? "");
}

function byClaim(a: Service, b: Service): number {
  const [hasA, hasB] = [a, b].map((it) => publishedOf(it).length > 0);
  if (hasA !== hasB) return hasA === true ? -1 : 1;
  const [sinceA = "", sinceB = ""] = [a, b].map((it) => it.metadata?.creationTimestamp);
  if (sinceA !== sinceB) return sinceA < sinceB ? -1 : 1;
  return keyOf(a) < keyOf(b) ? -1 : 1;
}

function portsOf(service: Service): string[] {
  return (service.spec?.ports ?? []).map(
    (it) => `${(it.protocol ?? "TCP").toLowerCase()}/${it.port}`,
  );
}

function addressesFor(service: Service, { nodes, slicesOf }: LoadBalancerInput): string[] {
  const wanted = service.spec?.loadBalancerIP ?? "";
  const isLocal = service.spec?.externalTrafficPolicy === "Local";
  const hosts = isLocal ? hostsOf(slicesOf(keyOf(service))) : undefined;
  const addresses = nodes
    .filter((it) => canBalance(it) && (hosts === undefined || hosts.has(it.metadata?.name ?? "")))
    .map(addressOf)
    .filter((it) => it !== undefined)
    .sort();
  return addresses.includes(wanted) ? [wanted] : [...new Set(addresses)];
}

/** Names of nodes that have an endpoint which answers. */
function hostsOf(slices: readonly EndpointSlice[]): Set<string> {
  const endpoints = slices.flatMap((it) => it.endpoints ?? []);
  const answering = endpoints.filter(
    ({ conditions }) => conditions?.ready !== false || conditions.serving === true,
  );
  return new Set(answering.map((it) => it.nodeName ?? ""));
}

export function canBalance(node: Node): boolean {
  if (isDeleting(node) || node.metadata?.labels?.[excludedLabel] !== undefined) return false;
  const ready = node.status?.conditions?.find((it) => it.type === "Ready");
  return ready?.status === "True";
}

/** IPv4; the external one if the node has it. */
export function addressOf(node: Node): string | undefined {
  const addresses = (node.status?.addresses ?? []).filter((it) => !it.address.includes(":"));
  for (const type of ["ExternalIP", "InternalIP"]) {
    const found = addresses.find((it) => it.type === type);
    if (found !== undefined) return found.address;
  }
  return undefined;
}
