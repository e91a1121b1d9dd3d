import type {
  Endpoint,
  EndpointAddress,
  Endpoints,
  EndpointSlice,
  EndpointSubset,
  Service,
} from "#api/gen/types.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { addressTypeOf, type AddressType } from "#controllers/endpoints/addresses.ts";
import { managedByLabel, serviceNameLabel } from "#controllers/endpoints/plan.ts";
import { sameJson } from "#controllers/same-json.ts";

export const mirroredBy = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
/** Endpoints that are used as a lock. */
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
/** Annotations that say something of the Endpoints object itself. */
const ownAnnotations = new Set([
  "endpoints.kubernetes.io/last-change-trigger-time",
  "kubectl.kubernetes.io/last-applied-configuration",
]);

const families: readonly AddressType[] = ["IPv4", "IPv6"];

/** Addresses of a subset that are mirrored; more are left out. As upstream. */
export const addressesPerSubsetMax = 1_000;

export interface MirrorContent {
  readonly addressType: AddressType;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly endpoints: readonly Endpoint[];
  readonly ports: NonNullable<EndpointSlice["ports"]>;
}

export type MirrorStep =
  | { readonly kind: "create"; readonly content: MirrorContent }
  | { readonly kind: "update"; readonly slice: EndpointSlice; readonly content: MirrorContent }
  | { readonly kind: "delete"; readonly slice: EndpointSlice };

/** Whether somebody keeps the Endpoints by hand, for a service that selects no pods. */
export function isMirrored(
  endpoints: Endpoints | undefined,
  service: Service | undefined,
): endpoints is Endpoints {
  if (endpoints === undefined || service === undefined) return false;
  if (isDeleting(endpoints) || service.spec?.selector !== undefined) return false;
  const { labels = {}, annotations = {} } = endpoints.metadata ?? {};
  return labels[skipLabel] !== "true" && annotations[leaderAnnotation] === undefined;
}

/**
 * The changes that make slices of what Endpoints say: one for each set of ports and family of
 * addresses. Upstream: `pkg/controller/endpointslicemirroring`.
 * @param endpoints undefined: nothing is to be mirrored any more.
 * @param slices those that mirror the service's Endpoints now.
 */
export function planMirror(
  endpoints: Endpoints | undefined,
  slices: readonly EndpointSlice[],
): MirrorStep[] {
  const left = new Set(slices);
  const steps: MirrorStep[] = [];
  for (const content of endpoints === undefined ? [] : contentsOf(endpoints)) {
    const slice = [...left].find(
      (it) => it.addressType === content.addressType && sameJson(it.ports ?? [], content.ports),
    );
    if (slice === undefined) {
      steps.push({ kind: "create", content });
    } else {
      left.delete(slice);
      if (!isSame(slice, content)) steps.push({ kind: "update", slice, content });
    }
  }
  // What is new takes the place of what is left over, so that few slices come and go.
  return [
    ...steps.map((step): MirrorStep => {
      if (step.kind !== "create") return step;
      const slice = [...left].find((it) => it.addressType === step.content.addressType);
      if (slice === undefined) return step;
      left.delete(slice);
      return { kind: "update", slice, content: step.content };
    }),
    ...[...left].map((slice): MirrorStep => ({ kind: "delete", slice })),
  ];
}

function contentsOf(endpoints: Endpoints): readonly MirrorContent[] {
  const { metadata = {}, subsets = [] } = endpoints;
  const labels = {
    ...metadata.labels,
    [serviceNameLabel]: nameOf(endpoints),
    [managedByLabel]: mirroredBy,
  };
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !ownAnnotations.has(key)),
  );
  const byKey = new Map<string, MirrorContent>();
  for (const subset of subsets) {
    const ports = portsOf(subset);
    const byFamily = Object.groupBy(endpointsOf(subset), (it) =>
      addressTypeOf(it.addresses[0] ?? ""),
    );
    for (const addressType of families) {
      const added = byFamily[addressType] ?? [];
      if (added.length === 0) continue;
      const key = JSON.stringify([addressType, ports]);
      const before = byKey.get(key)?.endpoints ?? [];
      const all = [...before, ...added];
      byKey.set(key, { addressType, labels, annotations, ports, endpoints: all });
    }
  }
  return [...byKey.values()];
}

function portsOf({ ports = [] }: EndpointSubset): MirrorContent["ports"] {
  return ports.map(({ name = "", port, protocol = "TCP", appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }));
}

function endpointsOf({ addresses = [], notReadyAddresses = [] }: EndpointSubset): Endpoint[] {
  return [
    ...addresses.map((it) => endpointOf(it, true)),
    ...notReadyAddresses.map((it) => endpointOf(it, false)),
  ].slice(0, addressesPerSubsetMax);
}

function endpointOf(
  { ip, hostname = "", nodeName, targetRef }: EndpointAddress,
  ready: boolean,
): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === "" ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

function isSame(slice: EndpointSlice, content: MirrorContent): boolean {
  return (
    sameJson(slice.endpoints ?? [], content.endpoints) &&
    sameJson(slice.metadata?.labels ?? {}, content.labels) &&
    sameJson(slice.metadata?.annotations ?? {}, content.annotations)
  );
}
