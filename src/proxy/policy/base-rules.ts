export const policySets = {
  /** Addresses of the node's pods whose traffic in or out is limited, with the chain that decides. */
  inward: "inward",
  outward: "outward",
  /** Pairs of the same pod: nobody is kept from itself. */
  self: "self",
  /** Addresses of the node's pods for which everything is in place. */
  known: "known",
  /** Addresses of the node's pods; empty while no policy exists. */
  guarded: "guarded",
} as const;

/**
 * The part of the table that is the same whatever the policies: what stands between its braces.
 * Answers belong to what was allowed. Destinations are pods already, translated from services. What
 * the node itself sends is not looked at: kubelets reach their pods. A pod whose policies are not in
 * place yet reaches nobody and is reached by nobody.
 */
export const policyBaseRules = `
  map ${policySets.inward} { type ipv4_addr : verdict; }
  map ${policySets.outward} { type ipv4_addr : verdict; }
  set ${policySets.self} { type ipv4_addr . ipv4_addr; }
  set ${policySets.known} { type ipv4_addr; }
  set ${policySets.guarded} { type ipv4_addr; flags interval; }
  chain leaving {
    ip saddr @${policySets.guarded} ip saddr != @${policySets.known} drop
    ip saddr vmap @${policySets.outward}
  }
  chain entering {
    ip daddr @${policySets.guarded} ip daddr != @${policySets.known} drop
    ip daddr vmap @${policySets.inward}
  }
  chain forward {
    type filter hook forward priority 0;
    ct state established,related accept
    ip saddr . ip daddr @${policySets.self} accept
    jump leaving
    jump entering
  }
  chain input {
    type filter hook input priority 0;
    iifname "lo" accept
    ct state established,related accept
    jump leaving
  }
`;
