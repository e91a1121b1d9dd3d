/** Names that a node's things carry on the machine. */

/** Control group of all pods, from the root of the hierarchy. */
export const cgroupParent = "/gantry";
/** Table of nftables with the rules of the pod network. */
export const hostTable = "gantry";
