import { createHash } from "node:crypto";
import { defaultDataDirectory, pathsBelow } from "./paths.ts";

/** Names that a node's things carry on the machine, outside of its data directory. */
export interface NodeNames {
  /** Control group of all pods, from the root of the hierarchy. */
  readonly cgroupParent: string;
  /** Table of nftables with the rules of the pod network. */
  readonly hostTable: string;
  /** Table of nftables with the rules of services. */
  readonly serviceTable: string;
}

/** Different for each node directory, so that resetting one installation leaves another alone. */
export function nodeNames(nodeDirectory: string): NodeNames {
  const usual = pathsBelow(defaultDataDirectory, "").node;
  const id = createHash("sha256").update(nodeDirectory).digest("hex").slice(0, 8);
  const [group, table] =
    nodeDirectory === usual ? ["/gantry", "gantry"] : [`/gantry-${id}`, `gantry_${id}`];
  return { cgroupParent: group, hostTable: table, serviceTable: `${table}_services` };
}
