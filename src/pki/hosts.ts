/** Where an API server is reached. */
export interface ServerPlace {
  /** Name of the machine, empty when unknown. */
  readonly hostName: string;
  /** First address of the service range, `10.96.0.1`: the `kubernetes` Service. */
  readonly serviceAddress: string;
  /** DNS domain of the cluster, `cluster.local`. */
  readonly domain: string;
  /** Addresses of the machine, and any other name or address that clients use. */
  readonly others: readonly string[];
}

/** The names that an API server's certificate must cover, each once. */
export function apiServerHosts(place: ServerPlace): string[] {
  const names = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${place.domain}`,
    "localhost",
    place.hostName,
    "127.0.0.1",
    "::1",
    place.serviceAddress,
    ...place.others,
  ];
  return [...new Set(names)].filter((it) => it !== "");
}
