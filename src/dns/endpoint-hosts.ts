import type { EndpointSlice } from "#api/gen/types.ts";

/** An endpoint that DNS may name. */
export interface EndpointHost {
  readonly address: string;
  /** Empty when the pod has none. */
  readonly hostname: string;
  readonly ports: NonNullable<EndpointSlice["ports"]>;
}

/**
 * The endpoints of a service that are ready; those that publish addresses before they are ready are
 * marked as ready by whoever writes the slices.
 */
export function hostsOf(slices: readonly EndpointSlice[]): EndpointHost[] {
  return slices.flatMap(({ endpoints, ports = [], addressType }) =>
    addressType === "FQDN"
      ? []
      : (endpoints ?? [])
          .filter((it) => it.conditions?.ready !== false)
          .flatMap((it) =>
            it.addresses.map((address) => ({ address, hostname: it.hostname ?? "", ports })),
          ),
  );
}

/** The endpoint's label below its service: its host name, or else its address. */
export function endpointName({ hostname, address }: EndpointHost): string {
  if (hostname !== "") return hostname.toLowerCase();
  return address.replaceAll(/[.:]/g, "-");
}
