import type { Container, ContainerPort, Pod } from "#api/gen/types.ts";
import type { FlowTarget } from "#proxy/flows.ts";
import { parseAddress } from "#proxy/ipv4.ts";
import { FragmentBuilder, type Fragment } from "#proxy/nft/fragment.ts";
import { podAddress } from "#proxy/watched-pods.ts";
import { hostPortSets } from "./base-rules.ts";

/** What a node does about the host ports of one pod. */
export interface HostPortPlan {
  readonly fragment: Fragment;
  readonly flows: readonly FlowTarget[];
  /** Of the pod, IPv4. */
  readonly address: string;
  /** Whether a port is open on the node's loopback. */
  readonly usesLoopback: boolean;
}

/**
 * Which ports of the node lead to the pod. Undefined: none does, since it asks for none, has no
 * address yet, has ended, or lives in the network of the node anyway.
 */
export function planHostPorts(pod: Pod): HostPortPlan | undefined {
  const address = podAddress(pod);
  const ports = lastingContainers(pod).flatMap((it) => (it.ports ?? []).flatMap(hostPortOf));
  if (address === undefined || ports.length === 0) return undefined;
  const fragment = new FragmentBuilder();
  fragment.element(hostPortSets.hairpin, `${address} . ${address}`);
  for (const { transport, hostAddress, port, targetPort } of ports) {
    const key = `${transport} . ${port}`;
    const to = `${address} . ${targetPort}`;
    if (hostAddress === undefined) fragment.element(hostPortSets.anywhere, key, to);
    else fragment.element(hostPortSets.at, `${hostAddress} . ${key}`, to);
  }
  const usesLoopback = ports.some((it) => it.hostAddress?.startsWith("127.") ?? true);
  const udp = ports.filter((it) => it.transport === "udp");
  return { fragment, flows: udp.map((it) => flowOf(it, address)), address, usesLoopback };
}

interface HostPort {
  readonly transport: "tcp" | "udp" | "sctp";
  /** Undefined: at every address of the node. */
  readonly hostAddress: string | undefined;
  readonly port: number;
  readonly targetPort: number;
}

/** Those that run as long as the pod does. */
function lastingContainers({ spec }: Pod): Container[] {
  const sidecars = (spec?.initContainers ?? []).filter((it) => it.restartPolicy === "Always");
  return [...(spec?.containers ?? []), ...sidecars];
}

const transports: Readonly<Record<string, HostPort["transport"]>> = {
  TCP: "tcp",
  UDP: "udp",
  SCTP: "sctp",
};

/** None for an address of IPv6, which no pod has. */
function hostPortOf({
  hostPort = 0,
  containerPort,
  hostIP = "",
  protocol,
}: ContainerPort): HostPort[] {
  const transport = transports[protocol ?? "TCP"];
  if (hostPort === 0 || transport === undefined) return [];
  const isAnywhere = hostIP === "" || hostIP === "0.0.0.0";
  if (!isAnywhere && parseAddress(hostIP) === undefined) return [];
  const hostAddress = isAnywhere ? undefined : hostIP;
  return [{ transport, hostAddress, port: hostPort, targetPort: containerPort }];
}

function flowOf({ hostAddress, port, targetPort }: HostPort, address: string): FlowTarget {
  return {
    port,
    addresses: hostAddress === undefined ? [] : [hostAddress],
    nodePort: hostAddress === undefined ? port : 0,
    endpoints: [`${address}:${targetPort}`],
  };
}
