/** A node as the pod network sees it. */
export interface NetworkNode {
  readonly name: string;
  /** `InternalIP` of its status, IPv4. */
  readonly address: string;
  /** The addresses of its pods. */
  readonly podCidr: string;
}

/** An IPv4 network that a link of this machine is on. */
export interface LocalPrefix {
  readonly address: string;
  readonly length: number;
}

/** The way to another node's pods. */
export type PodRoute =
  /** The node is on one segment with this machine: it is the next hop. */
  | { readonly kind: "direct"; readonly cidr: string; readonly via: string }
  /** It is behind routers that know nothing of pods: packets travel in VXLAN. */
  | { readonly kind: "tunnel"; readonly cidr: string; readonly peer: TunnelEnd };

export interface TunnelEnd {
  /** Of the machine. */
  readonly address: string;
  /** The tunnel device's own address: the first of the node's pod addresses, which no pod has. */
  readonly inner: string;
  /** The tunnel device's, derived from the inner address. */
  readonly mac: string;
}

/**
 * The routes to the pods of all other nodes. A range that two nodes claim goes to the first by name,
 * so that every node decides alike.
 */
export function planRoutes(
  self: string,
  nodes: readonly NetworkNode[],
  prefixes: readonly LocalPrefix[],
): readonly PodRoute[] {
  const sorted = nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const claimed = new Set<string>();
  const routes: PodRoute[] = [];
  for (const { name, address, podCidr: cidr } of sorted) {
    if (claimed.has(cidr)) continue;
    claimed.add(cidr);
    if (name === self) continue;
    const isOnLink = prefixes.some((it) => holds(it, address));
    routes.push(
      isOnLink
        ? { kind: "direct", cidr, via: address }
        : { kind: "tunnel", cidr, peer: tunnelEnd(address, cidr) },
    );
  }
  return routes;
}

/** What a node's end of the tunnel is called; both sides derive it from the node's object alone. */
export function tunnelEnd(address: string, podCidr: string): TunnelEnd {
  const inner = podCidr.split("/", 1).join("");
  const bytes = inner.split(".").map((it) => Number(it).toString(16).padStart(2, "0"));
  return { address, inner, mac: ["02", "42", ...bytes].join(":") };
}

function holds({ address, length }: LocalPrefix, other: string): boolean {
  const shift = 2 ** (32 - length);
  const [own, their] = [numberOf(address), numberOf(other)];
  return Math.floor(own / shift) === Math.floor(their / shift);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, it) => sum * 256 + Number(it), 0);
}
