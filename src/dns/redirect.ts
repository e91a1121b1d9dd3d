/** From where questions are sent on to the server of the node. */
export interface Redirect {
  /** Name of the nftables table; one a node. */
  readonly table: string;
  /** Of the cluster's DNS, as pods know it. */
  readonly serviceAddress: string;
  readonly server: { readonly address: string; readonly port: number };
}

/**
 * One transaction of nftables, which replaces the table: every node answers its own pods, so that a
 * question leaves the node only for names outside of the cluster.
 */
export function redirectRules({ table, serviceAddress, server }: Redirect): string {
  const rule = `ip daddr ${serviceAddress} meta l4proto { tcp, udp } th dport 53 dnat ip to ${server.address}:${server.port}`;
  // Before the rules of services, whose chains have the usual priorities.
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain prerouting {
    type nat hook prerouting priority -110; policy accept;
    ${rule}
  }
  chain output {
    type nat hook output priority -110; policy accept;
    ${rule}
  }
}
`;
}
