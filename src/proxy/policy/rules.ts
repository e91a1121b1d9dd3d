import type { NetworkPolicyPeer, NetworkPolicyPort } from "#api/gen/types.ts";
import { formatRange, isEverything } from "#proxy/ipv4.ts";
import type { FragmentBuilder } from "#proxy/nft/fragment.ts";
import { contentName } from "./content-name.ts";
import { blockRanges, type PeerPods } from "./peers.ts";
import type { PolicyPod } from "./policy-pod.ts";

export type Direction = "in" | "out";

/** A rule of a policy, either way. */
export interface PolicyRule {
  readonly direction: Direction;
  /** Of the policy. */
  readonly namespace: string;
  /** The pod that the policy is applied to. */
  readonly pod: PolicyPod;
  /** Absent or empty: everybody. */
  readonly peers: readonly NetworkPolicyPeer[] | undefined;
  /** Absent or empty: every port of every protocol. */
  readonly ports: readonly NetworkPolicyPort[] | undefined;
}

/** What leaves the chain of a pod by it is allowed. */
export const allow = "return";

/**
 * The rules of nft that let through what the rule allows; the sets that they name go to `out`. None:
 * it allows nothing.
 */
export function allowRules(rule: PolicyRule, pods: PeerPods, out: FragmentBuilder): string[] {
  const matches = peerMatches(rule, pods, out);
  const { plain, named } = portMatches(rule);
  const found = matches.flatMap((peer) => plain.map((port) => join(peer, port, allow)));
  const byName = named.map((port) => join(namedMatch(port, rule, pods, out), allow));
  return [...found, ...byName];
}

function join(...parts: readonly string[]): string {
  return parts.filter((it) => it !== "").join(" ");
}

/** Each a match of addresses; "" matches all. */
function peerMatches(
  { direction, namespace, peers = [] }: PolicyRule,
  pods: PeerPods,
  out: FragmentBuilder,
): string[] {
  if (peers.length === 0) return [""];
  const address = direction === "in" ? "ip saddr" : "ip daddr";
  return peers.flatMap((peer) => {
    if (peer.ipBlock !== undefined) {
      const ranges = blockRanges(peer.ipBlock);
      if (ranges.length === 0) return [];
      return isEverything(ranges) ? [""] : [`${address} { ${ranges.map(formatRange).join(", ")} }`];
    }
    const { set, pods: selected } = pods.select(namespace, peer);
    out.sets.set(set, "type ipv4_addr;");
    for (const it of selected) out.element(set, it.address);
    return [`${address} @${set}`];
  });
}

interface NamedPort {
  readonly transport: string;
  readonly name: string;
}

/**
 * Matches of ports; "" matches all. Names mean the ports of the pod that is spoken to: inwards that
 * is the policy's own, outwards they depend on the peer.
 */
function portMatches({ direction, pod, ports = [] }: PolicyRule): {
  readonly plain: string[];
  readonly named: NamedPort[];
} {
  if (ports.length === 0) return { plain: [""], named: [] };
  const plain: string[] = [];
  const named: NamedPort[] = [];
  for (const { port, endPort, protocol = "TCP" } of ports) {
    const transport = protocol.toLowerCase();
    if (port === undefined) plain.push(`meta l4proto ${transport}`);
    else if (typeof port === "number") {
      plain.push(`${transport} dport ${endPort === undefined ? port : `${port}-${endPort}`}`);
    } else if (direction === "out") named.push({ transport, name: port });
    else {
      const number = pod.namedPorts.get(`${transport}/${port}`);
      if (number !== undefined) plain.push(`${transport} dport ${number}`);
    }
  }
  return { plain, named };
}

/** A set of the addresses and numbers at which the rule's peers have a port of that name. */
function namedMatch(
  { transport, name }: NamedPort,
  { namespace, peers = [] }: PolicyRule,
  pods: PeerPods,
  out: FragmentBuilder,
): string {
  const selections = peers
    .filter((it) => it.ipBlock === undefined)
    .map((it) => pods.select(namespace, it));
  const selected = peers.length === 0 ? pods.everywhere() : selections.flatMap((it) => it.pods);
  const sets = peers.length === 0 ? undefined : selections.map((it) => it.set);
  const set = contentName("port", [transport, name, sets]);
  out.sets.set(set, "type ipv4_addr . inet_proto . inet_service;");
  for (const pod of selected) {
    const number = pod.namedPorts.get(`${transport}/${name}`);
    if (number !== undefined) out.element(set, `${pod.address} . ${transport} . ${number}`);
  }
  return `ip daddr . meta l4proto . th dport @${set}`;
}
