import { networkInterfaces } from "node:os";

/** Addresses of services; Kubernetes' own default. */
export const serviceRange = "10.96.0.0/16";
/** First address of the range: the `kubernetes` Service. */
export const serviceAddress = "10.96.0.1";
/** Of the cluster's DNS, as pods know it. */
export const dnsAddress = "10.96.0.10";
/** Addresses of pods, of all nodes; each node has a /24 of it. */
export const podRange = "10.244.0.0/16";
/** The node's own address in the network of its pods, where it has no other. */
export const podGateway = "10.244.0.1";
export const clusterDomain = "cluster.local";
export const issuer = `https://kubernetes.default.svc.${clusterDomain}`;

/** Names of all addresses of a machine, where one listens. */
export const anyAddress: readonly string[] = ["0.0.0.0", "::"];

/**
 * The address at which others reach this machine: its first IPv4 address that is not loopback's and
 * not of a network of ours; loopback's where there is none.
 */
export function machineAddress(): string {
  const ours = ["10.244.", "10.96."];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family !== "IPv4" || internal) continue;
      if (!ours.some((it) => address.startsWith(it))) return address;
    }
  }
  return "127.0.0.1";
}
