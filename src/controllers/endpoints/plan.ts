import type { Endpoint, EndpointHints, EndpointSlice, Pod, Service } from "#api/gen/types.ts";
import { nameOf, namespaceOf, uidOf } from "#client/object-key.ts";
import { sameJson } from "#controllers/same-json.ts";
import {
  addressTypeOf,
  addressTypesOf,
  isHeadless,
  podView,
  portsOn,
  type AddressType,
  type EndpointPortView,
} from "./addresses.ts";

export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const headlessLabel = "service.kubernetes.io/headless";
export const managedBy = "endpointslice-controller.k8s.io";

/** Endpoints in one slice at most. */
export const endpointsPerSliceMax = 100;

export interface SliceInput {
  readonly service: Service;
  /** All pods that the service selects. */
  readonly pods: readonly Pod[];
  /** Zone of a node, by its name. */
  readonly zones: ReadonlyMap<string, string>;
  /** The slices of the service that this controller manages. */
  readonly slices: readonly EndpointSlice[];
}

/** The content of a slice; its name, when new, is the server's to choose. */
export interface SliceContent {
  readonly addressType: AddressType;
  readonly labels: Readonly<Record<string, string>>;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly EndpointPortView[];
}

export type SliceStep =
  | { readonly kind: "create"; readonly content: SliceContent }
  | { readonly kind: "update"; readonly slice: EndpointSlice; readonly content: SliceContent }
  | { readonly kind: "delete"; readonly slice: EndpointSlice };

/**
 * The changes that make the slices tell the truth. Endpoints stay in the slice where they are, new
 * ones fill the fullest slice with room, so that few slices change. A service without endpoints
 * keeps one empty slice of each family. Upstream: `k8s.io/endpointslice`, `reconciler.go`.
 */
export function planSlices(input: SliceInput): SliceStep[] {
  const { service, slices } = input;
  const labels = sliceLabels(service);
  const steps: SliceStep[] = [];
  const families = addressTypesOf(service);
  for (const slice of slices) {
    if (!families.some((it) => it === slice.addressType)) steps.push({ kind: "delete", slice });
  }
  for (const addressType of families) {
    const present = slices.filter((it) => it.addressType === addressType);
    steps.push(...planFamily(input, addressType, present, labels));
  }
  return steps;
}

function planFamily(
  input: SliceInput,
  addressType: AddressType,
  present: readonly EndpointSlice[],
  labels: Readonly<Record<string, string>>,
): SliceStep[] {
  const groups = groupByPorts(input, addressType);
  const byPorts = new Map<string, EndpointSlice[]>();
  const steps: SliceStep[] = [];
  for (const slice of [...present].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
    const key = portsKey((slice.ports ?? []).map(portView));
    const same = byPorts.get(key);
    if (!groups.has(key)) steps.push({ kind: "delete", slice });
    else if (same === undefined) byPorts.set(key, [slice]);
    else same.push(slice);
  }
  for (const [key, { ports, endpoints }] of groups) {
    const packed = pack(byPorts.get(key) ?? [], endpoints);
    for (const { slice, endpoints: some } of packed) {
      const content = { addressType, labels, endpoints: some, ports };
      const keepsEmpty = groups.size === 1 && packed.length === 1;
      if (slice === undefined) steps.push({ kind: "create", content });
      else if (some.length === 0 && !keepsEmpty) steps.push({ kind: "delete", slice });
      else if (!isSame(slice, content)) steps.push({ kind: "update", slice, content });
    }
  }
  return steps;
}

interface Group {
  readonly ports: readonly EndpointPortView[];
  readonly endpoints: Endpoint[];
}

/** Pods that offer the same ports share slices. */
function groupByPorts(input: SliceInput, addressType: AddressType): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const pod of input.pods) {
    const endpoint = endpointOf(input, pod, addressType);
    if (endpoint === undefined) continue;
    const ports = portsOn(input.service, pod);
    const key = portsKey(ports);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ports, endpoints: [endpoint] });
    else group.endpoints.push(endpoint);
  }
  if (groups.size === 0) groups.set(portsKey([]), { ports: [], endpoints: [] });
  return groups;
}

function endpointOf(input: SliceInput, pod: Pod, addressType: AddressType): Endpoint | undefined {
  const { service, zones } = input;
  const view = podView(pod);
  const addresses = view.addresses.filter((it) => addressTypeOf(it) === addressType);
  if (view.finished || addresses.length === 0) return undefined;
  const publish = service.spec?.publishNotReadyAddresses === true;
  const zone = zones.get(view.nodeName ?? "");
  const { hostname } = view;
  const hints = hintsOf(service, view.nodeName ?? "", zone);
  return {
    addresses: addresses.slice(0, 1),
    conditions: {
      ready: publish || (view.ready && !view.terminating),
      serving: view.ready,
      terminating: view.terminating,
    },
    ...(hostname !== undefined && hostname !== "" && view.subdomain === nameOf(service)
      ? { hostname }
      : {}),
    ...(view.nodeName === undefined || view.nodeName === "" ? {} : { nodeName: view.nodeName }),
    targetRef: { kind: "Pod", namespace: namespaceOf(pod), name: nameOf(pod), uid: uidOf(pod) },
    ...(zone === undefined ? {} : { zone }),
    ...(hints === undefined ? {} : { hints }),
  };
}

/**
 * Whom the endpoint prefers, where the service wants its traffic to stay near. Upstream:
 * `k8s.io/endpointslice`, `trafficdist`.
 */
function hintsOf(
  service: Service,
  node: string,
  zone: string | undefined,
): EndpointHints | undefined {
  const { trafficDistribution } = service.spec ?? {};
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  if (trafficDistribution === "PreferClose" || trafficDistribution === "PreferSameZone") {
    return zone === undefined ? undefined : forZones;
  }
  if (trafficDistribution !== "PreferSameNode" || node === "") return undefined;
  return { ...forZones, forNodes: [{ name: node }] };
}

interface Packed {
  /** Undefined: a new slice. */
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: Endpoint[];
}

function pack(slices: readonly EndpointSlice[], wanted: readonly Endpoint[]): Packed[] {
  const left = new Map(wanted.map((it) => [identityOf(it), it]));
  const packed: Packed[] = slices.map((slice) => {
    const endpoints: Endpoint[] = [];
    for (const present of slice.endpoints ?? []) {
      const identity = identityOf(present);
      const next = left.get(identity);
      if (next === undefined || endpoints.length >= endpointsPerSliceMax) continue;
      left.delete(identity);
      endpoints.push(next);
    }
    return { slice, endpoints };
  });
  // The fullest first: slices that run empty can go.
  const byRoom = [...packed].sort((a, b) => b.endpoints.length - a.endpoints.length);
  const rest = [...left.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, it]) => it);
  for (const { endpoints } of byRoom) {
    endpoints.push(...rest.splice(0, endpointsPerSliceMax - endpoints.length));
  }
  while (rest.length > 0) {
    packed.push({ slice: undefined, endpoints: rest.splice(0, endpointsPerSliceMax) });
  }
  if (packed.length === 0) packed.push({ slice: undefined, endpoints: [] });
  return packed;
}

function isSame(slice: EndpointSlice, content: SliceContent): boolean {
  return (
    sameJson(slice.endpoints ?? [], content.endpoints) &&
    Object.entries(content.labels).every(([key, it]) => slice.metadata?.labels?.[key] === it) &&
    headlessLabel in content.labels === headlessLabel in (slice.metadata?.labels ?? {})
  );
}

function sliceLabels(service: Service): Readonly<Record<string, string>> {
  const inherited = Object.entries(service.metadata?.labels ?? {}).filter(
    ([key]) => key !== headlessLabel,
  );
  return {
    ...Object.fromEntries(inherited),
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [serviceNameLabel]: nameOf(service),
    [managedByLabel]: managedBy,
  };
}

function identityOf(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ""}/${endpoint.addresses[0] ?? ""}`;
}

function portView(port: NonNullable<EndpointSlice["ports"]>[number]): EndpointPortView {
  const { name = "", port: number = 0, protocol = "TCP", appProtocol } = port;
  return { name, port: number, protocol, appProtocol };
}

function portsKey(ports: readonly EndpointPortView[]): string {
  return ports
    .map((it) => JSON.stringify([it.name, it.port, it.protocol, it.appProtocol ?? ""]))
    .sort()
    .join();
}
