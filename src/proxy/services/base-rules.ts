/** Sets and maps that the rules of all services share. */
export const sharedSets = {
  clusterIps: "cluster-ips",
  /** Pairs of the same pod: source and destination of a pod that talks to itself. */
  hairpin: "hairpin",
  serviceIps: "service-ips",
  nodePorts: "node-ports",
  refusedIps: "refused-ips",
  refusedPorts: "refused-ports",
  firewalls: "firewalls",
} as const;

/** Bit of a packet's mark: its source becomes the node's address when it leaves. As upstream's. */
export const masqueradeMark = "0x4000";

export interface BaseOptions {
  /** Addresses of services, `10.96.0.0/16`. */
  readonly serviceRange: string;
}

const addressType = "type ipv4_addr . inet_proto . inet_service : verdict;";
const portType = "type inet_proto . inet_service : verdict;";
const addressKey = "ip daddr . meta l4proto . th dport";
/** Ports of nodes are open on every address of the node but those of loopback. */
const nodePortKey = "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport";

/**
 * The part of the table that is the same whatever the services: what stands between its braces. A
 * connection is looked up once, by address and port. What is left over in a later chain had no
 * endpoint, or asks for what no service has.
 */
export function baseRules({ serviceRange }: BaseOptions): string {
  const sets = sharedSets;
  const lookup = `ct state new ${addressKey} vmap @${sets.firewalls}`;
  return `
  set ${sets.clusterIps} { type ipv4_addr; }
  set ${sets.hairpin} { type ipv4_addr . ipv4_addr; }
  map ${sets.serviceIps} { ${addressType} }
  map ${sets.nodePorts} { ${portType} }
  map ${sets.refusedIps} { ${addressType} }
  map ${sets.refusedPorts} { ${portType} }
  map ${sets.firewalls} { ${addressType} }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject
  }
  chain services {
    ${addressKey} vmap @${sets.serviceIps}
    ${nodePortKey} vmap @${sets.nodePorts}
  }
  chain unserved {
    ${addressKey} vmap @${sets.refusedIps}
    ${nodePortKey} vmap @${sets.refusedPorts}
  }
  chain invalid {
    ip daddr @${sets.clusterIps} goto refuse
    ip daddr ${serviceRange} drop
  }
  chain filter-prerouting {
    type filter hook prerouting priority -110;
    ${lookup}
  }
  chain filter-input {
    type filter hook input priority -110;
    ct state new jump unserved
  }
  chain filter-forward {
    type filter hook forward priority -110;
    ct state new jump unserved
    ct state new jump invalid
  }
  chain filter-output {
    type filter hook output priority -110;
    ${lookup}
    ct state new jump unserved
  }
  chain filter-output-translated {
    type filter hook output priority -90;
    ct state new jump invalid
  }
  chain nat-prerouting {
    type nat hook prerouting priority dstnat;
    jump services
  }
  chain nat-output {
    type nat hook output priority -100;
    jump services
  }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat;
    ct status dnat ip saddr . ip daddr @${sets.hairpin} masquerade fully-random
    meta mark & ${masqueradeMark} == 0 return
    meta mark set meta mark ^ ${masqueradeMark}
    masquerade fully-random
  }
`;
}
