import type { NetworkPolicyPort } from "#api/gen/types.ts";
import type { PeerPods } from "./peers.ts";
import type { PolicyPod } from "./policy-pod.ts";
import { allow, type PolicyRule } from "./rules.ts";

const number = 53;
const transports = ["udp", "tcp"] as const;
const portNames = { udp: "dns", tcp: "dns-tcp" };

/**
 * Rules that let questions to the cluster's DNS through, where the policy's rule means to. The DNS
 * answers on every node and in no pod, but policies are written for the pods that it is elsewhere: so
 * a question counts as sent to such a pod, and is known by the address that it was sent to before it
 * was led to the node.
 *
 * @param address of the service of the DNS.
 */
export function dnsRules(rule: PolicyRule, pods: PeerPods, address: string): string[] {
  const { direction, namespace, peers = [], ports = [] } = rule;
  if (direction === "in") return [];
  if (peers.length > 0 && !peers.some((it) => pods.means(namespace, it, dnsPod(address))))
    return [];
  return transports
    .filter((it) => ports.length === 0 || ports.some((port) => isDnsPort(port, it)))
    .map((it) => `ct original ip daddr ${address} meta l4proto ${it} ${allow}`);
}

function dnsPod(address: string): PolicyPod {
  return {
    key: "kube-system/kube-dns",
    namespace: "kube-system",
    labels: { "k8s-app": "kube-dns" },
    address,
    nodeName: "",
    namedPorts: new Map(),
  };
}

function isDnsPort(
  { port, endPort, protocol = "TCP" }: NetworkPolicyPort,
  transport: "udp" | "tcp",
): boolean {
  if (protocol.toLowerCase() !== transport) return false;
  if (port === undefined) return true;
  if (typeof port === "string") return port === portNames[transport];
  return port <= number && number <= (endPort ?? port);
}
