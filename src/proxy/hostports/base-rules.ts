/** Sets and maps that the rules of all pods share. */
export const hostPortSets = {
  /** Ports open at every address of the node. */
  anywhere: "anywhere",
  /** Ports open at one address of the node. */
  at: "at",
  /** Pairs of the same pod: source and destination of a pod that talks to itself. */
  hairpin: "hairpin",
} as const;

const target = "ipv4_addr . inet_service";

/**
 * The part of the table that is the same whatever the pods: what stands between its braces. A port
 * of a pod is looked up before those of services, which other nodes have too. The source stays as
 * it is but for two: the node's own loopback, which no pod can answer, and the pod itself.
 *
 * Pods answer what came from the loopback since their devices route it (`route_localnet`); nothing
 * that comes in from outside may name it.
 */
export const hostPortBaseRules = `
  map ${hostPortSets.anywhere} { type inet_proto . inet_service : ${target}; }
  map ${hostPortSets.at} { type ipv4_addr . inet_proto . inet_service : ${target}; }
  set ${hostPortSets.hairpin} { type ipv4_addr . ipv4_addr; }
  chain ports {
    dnat ip to ip daddr . meta l4proto . th dport map @${hostPortSets.at}
    dnat ip to meta l4proto . th dport map @${hostPortSets.anywhere}
  }
  chain guard {
    type filter hook prerouting priority raw;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }
  chain nat-prerouting {
    type nat hook prerouting priority -105;
    fib daddr type local jump ports
  }
  chain nat-output {
    type nat hook output priority -105;
    fib daddr type local jump ports
  }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat;
    ct status dnat ip saddr . ip daddr @${hostPortSets.hairpin} masquerade fully-random
    ct status dnat ip saddr 127.0.0.0/8 ip daddr != 127.0.0.0/8 masquerade fully-random
  }
`;
