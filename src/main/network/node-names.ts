import { createHash } from "node:crypto";
import { defaultDataDirectory, pathsBelow } from "#main/process/paths.ts";

/** Names that a node's things carry on the machine, outside of its data directory. */
export interface NodeNames {
  /** Control group of all pods, from the root of the hierarchy. */
  readonly cgroupParent: string;
  /** Table of nftables with the rules of the pod network. */
  readonly hostTable: string;
  /** Table of nftables with the rules of services. */
  readonly serviceTable: string;
  /** Table of nftables that leads questions to the node's DNS. */
  readonly dnsTable: string;
  /** Table of nftables with the rules of network policies. */
  readonly policyTable: string;
  /** Table of nftables that leads ports of the node to its pods. */
  readonly hostPortTable: string;
  /** Marks the routes to pods of other nodes. */
  readonly routeProtocol: number;
  /** Device of the tunnel to nodes behind routers. */
  readonly tunnelDevice: string;
}

/** Numbers of routing protocols that no known program has. */
const firstProtocol = 84;
const otherProtocols = 90;

/** Different for each node directory, so that resetting one installation leaves another alone. */
export function nodeNames(nodeDirectory: string): NodeNames {
  const usual = pathsBelow(defaultDataDirectory, "").node;
  if (nodeDirectory === usual) {
    return {
      cgroupParent: "/gantry",
      hostTable: "gantry",
      serviceTable: "gantry_services",
      dnsTable: "gantry_dns",
      policyTable: "gantry_policies",
      hostPortTable: "gantry_hostports",
      routeProtocol: firstProtocol,
      tunnelDevice: "gantry-vx",
    };
  }
  const digest = createHash("sha256").update(nodeDirectory).digest();
  const id = digest.toString("hex").slice(0, 8);
  return {
    cgroupParent: `/gantry-${id}`,
    hostTable: `gantry_${id}`,
    serviceTable: `gantry_${id}_services`,
    dnsTable: `gantry_${id}_dns`,
    policyTable: `gantry_${id}_policies`,
    hostPortTable: `gantry_${id}_hostports`,
    // Others of the same number would have to share both the machine and its network namespace.
    routeProtocol: firstProtocol + 1 + ((digest[0] ?? 0) % otherProtocols),
    tunnelDevice: `gvx-${id}`,
  };
}
