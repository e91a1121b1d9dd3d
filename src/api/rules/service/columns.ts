import type { Endpoints, EndpointSlice, Service, ServicePort } from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  formatFew,
  formatLabels,
  nameColumn,
  nameOf,
  orNone,
  wideColumn,
} from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";

export const servicePrinter: Printer<Service> = {
  columns: [
    nameColumn,
    column("Type", "How the service is reached."),
    column("Cluster-IP", "Address inside the cluster."),
    column("External-IP", "Addresses outside of the cluster."),
    column("Port(s)", "Ports, with the node's after the colon."),
    ageColumn,
    wideColumn("Selector", "Labels of its pods."),
  ],
  cells: (it, nowMs) => [
    nameOf(it),
    it.spec?.type ?? "",
    orNone(it.spec?.clusterIPs?.[0] ?? it.spec?.clusterIP),
    externalIpOf(it),
    orNone((it.spec?.ports ?? []).map(formatPort).join(",")),
    ageOf(it, nowMs),
    formatLabels(it.spec?.selector),
  ],
};

function externalIpOf(service: Loose<Service>): string {
  const external = service.spec?.externalIPs ?? [];
  switch (service.spec?.type) {
    case "ClusterIP":
    case "NodePort":
      return orNone(external.join(","));
    case "LoadBalancer": {
      const all = [...balancerAddresses(service.status?.loadBalancer?.ingress), ...external];
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    case "ExternalName":
      return service.spec.externalName ?? "";
    case undefined:
    default:
      return "<unknown>";
  }
}

interface Address {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
}

/** Addresses of a load balancer, each once, in order. */
export function balancerAddresses(ingress: readonly Address[] | undefined): string[] {
  const texts = (ingress ?? []).map((it) =>
    (it.ip ?? "") === "" ? (it.hostname ?? "") : (it.ip ?? ""),
  );
  return [...new Set(texts.filter((it) => it !== ""))].sort();
}

function formatPort(port: Loose<ServicePort>): string {
  const nodePort = port.nodePort ?? 0;
  const node = nodePort > 0 ? `:${nodePort}` : "";
  return `${port.port ?? 0}${node}/${port.protocol ?? ""}`;
}

export const endpointsPrinter: Printer<Endpoints> = {
  columns: [nameColumn, column("Endpoints", "Addresses of ready pods."), ageColumn],
  cells: (it, nowMs) => [nameOf(it), formatEndpoints(it), ageOf(it, nowMs)],
};

function formatEndpoints(endpoints: Loose<Endpoints>): string {
  const subsets = endpoints.subsets ?? [];
  const all = subsets.flatMap((subset) => {
    const ips = (subset.addresses ?? []).map((it) => it.ip ?? "");
    const ports = subset.ports ?? [];
    if (ports.length === 0) return ips;
    return ports.flatMap((port) => ips.map((ip) => joinHostPort(ip, port.port ?? 0)));
  });
  return formatFew(all, subsets.length === 0 ? "<none>" : "");
}

function joinHostPort(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

export const endpointSlicePrinter: Printer<EndpointSlice> = {
  columns: [
    nameColumn,
    column("AddressType", "Family of the addresses."),
    column("Ports", "Ports of the endpoints."),
    column("Endpoints", "Addresses of the endpoints."),
    ageColumn,
  ],
  cells: (it, nowMs) => {
    const ports = (it.ports ?? []).map((port) => String(port.port ?? port.name ?? "*"));
    const addresses = (it.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []);
    return [
      nameOf(it),
      it.addressType ?? "",
      formatFew(ports, "<unset>"),
      formatFew(addresses, "<unset>"),
      ageOf(it, nowMs),
    ];
  },
};
