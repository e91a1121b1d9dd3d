import type { Endpoint, EndpointSlice } from "#api/gen/types.ts";
import { parseAddress } from "#proxy/ipv4.ts";
import { transportOf, type ServicePortView } from "./service-view.ts";

/** One place where a service's port is answered. */
export interface EndpointView {
  readonly address: string;
  readonly port: number;
  /** Answers, and is not ending. */
  readonly ready: boolean;
  /** Answers, even if it is ending. */
  readonly serving: boolean;
  readonly terminating: boolean;
  /** "" when it is of no node of the cluster. */
  readonly nodeName: string;
  /** Nodes and zones that prefer it; empty: it says nothing. */
  readonly nodeHints: readonly string[];
  readonly zoneHints: readonly string[];
}

/**
 * The endpoints of a port, each address and port once, in the order of their addresses. Of two
 * slices that differ, the better news counts.
 */
export function endpointsOf(
  port: Pick<ServicePortView, "name" | "transport">,
  slices: readonly EndpointSlice[],
): EndpointView[] {
  const found = new Map<string, EndpointView>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    for (const number of numbersOf(slice, port)) {
      for (const endpoint of slice.endpoints ?? []) {
        const view = endpointView(endpoint, number);
        if (view === undefined) continue;
        const key = `${view.address}:${number}`;
        const present = found.get(key);
        if (present === undefined || rank(view) > rank(present)) found.set(key, view);
      }
    }
  }
  return [...found.values()].sort(compareEndpoints);
}

function numbersOf(
  slice: EndpointSlice,
  { name, transport }: Pick<ServicePortView, "name" | "transport">,
): number[] {
  return (slice.ports ?? []).flatMap((it) => {
    if ((it.name ?? "") !== name || transportOf(it.protocol) !== transport) return [];
    return it.port === undefined ? [] : [it.port];
  });
}

/** Upstream: `pkg/proxy/endpointslicecache.go`; what an endpoint leaves out counts as good. */
function endpointView(endpoint: Endpoint, port: number): EndpointView | undefined {
  const { conditions = {}, hints = {}, nodeName = "" } = endpoint;
  // The first address stands for all; upstream uses no other.
  const [address = ""] = endpoint.addresses;
  if (parseAddress(address) === undefined) return undefined;
  return {
    address,
    port,
    ready: conditions.ready !== false,
    serving: conditions.serving !== false,
    terminating: conditions.terminating === true,
    nodeName,
    nodeHints: (hints.forNodes ?? []).map((it) => it.name),
    zoneHints: (hints.forZones ?? []).map((it) => it.name),
  };
}

function rank({ ready, serving }: EndpointView): number {
  return ready ? 2 : serving ? 1 : 0;
}

function compareEndpoints(a: EndpointView, b: EndpointView): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.port - b.port;
}
