import type { PodRoute, TunnelEnd } from "./plan.ts";

/** What routes and devices of ours carry on the machine. */
export interface NetworkNames {
  /** Number of the routing protocol that marks our routes; from 5 to 255, foreign to others. */
  readonly routeProtocol: number;
  /** Name of the VXLAN device; at most 15 characters. */
  readonly tunnelDevice: string;
}

/** A route of ours as the kernel has it. */
export interface KernelRoute {
  readonly cidr: string;
  readonly via: string;
  readonly device: string;
}

/** Outer headers of VXLAN over IPv4. */
const tunnelBytes = 50;
/** The port that Linux took before one was assigned, and that container networks still use. */
const tunnelPort = 8472;
const tunnelId = 84;

/**
 * Lines for `ip -batch` that turn the routes that there are into those that are wanted; none when
 * all is as it should be. Routes of others are not touched.
 */
export function routeCommands(
  wanted: readonly PodRoute[],
  present: readonly KernelRoute[],
  names: NetworkNames,
): readonly string[] {
  const rest = new Map(present.map((it) => [it.cidr, it]));
  const commands: string[] = [];
  for (const route of wanted) {
    const found = rest.get(route.cidr);
    rest.delete(route.cidr);
    const via = route.kind === "direct" ? route.via : route.peer.inner;
    const isTunnel = found?.device === names.tunnelDevice;
    if (found?.via === via && isTunnel === (route.kind === "tunnel")) continue;
    const by = route.kind === "direct" ? "" : ` dev ${names.tunnelDevice} onlink`;
    commands.push(`route replace ${route.cidr} via ${via}${by} proto ${names.routeProtocol}`);
  }
  for (const { cidr, via, device } of rest.values()) {
    commands.push(`route del ${cidr} via ${via} dev ${device} proto ${names.routeProtocol}`);
  }
  return commands;
}

/** Lines for `ip -batch` that make this machine's end of the tunnel, over the link `device`. */
export function tunnelCommands(
  self: TunnelEnd,
  link: { readonly device: string; readonly mtu: number },
  names: NetworkNames,
): readonly string[] {
  const { tunnelDevice } = names;
  return [
    `link add ${tunnelDevice} address ${self.mac} mtu ${link.mtu - tunnelBytes} type vxlan id ${tunnelId} local ${self.address} dev ${link.device} dstport ${tunnelPort} nolearning`,
    `address add ${self.inner}/32 dev ${tunnelDevice}`,
    `link set ${tunnelDevice} up`,
  ];
}

/** Lines for `ip -batch`: where a peer's inner address is. */
export function neighbourCommand(peer: TunnelEnd, { tunnelDevice }: NetworkNames): string {
  return `neigh replace ${peer.inner} lladdr ${peer.mac} dev ${tunnelDevice} nud permanent`;
}

/** Lines for `bridge -batch`: which machine has a peer's hardware address. */
export function forwardingCommand(peer: TunnelEnd, { tunnelDevice }: NetworkNames): string {
  return `fdb replace ${peer.mac} dev ${tunnelDevice} dst ${peer.address} self permanent`;
}
