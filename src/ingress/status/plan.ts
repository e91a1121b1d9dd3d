import type { Ingress, IngressLoadBalancerIngress, Node } from "#api/gen/types.ts";
import { isDeleting } from "#client/object-key.ts";
import { portsAnnotation } from "#ingress/ports.ts";

export interface StatusStep {
  readonly ingress: Ingress;
  readonly addresses: readonly string[];
}

/** Where Ingresses are answered: the addresses of the nodes that are ready and serve them. */
export function servingAddresses(nodes: readonly Node[]): string[] {
  const addresses = nodes.filter(isServing).flatMap((it) => addressOf(it) ?? []);
  return [...new Set(addresses)].sort();
}

function isServing(node: Node): boolean {
  if (isDeleting(node) || (node.metadata?.annotations?.[portsAnnotation] ?? "") === "")
    return false;
  const ready = node.status?.conditions?.find((it) => it.type === "Ready");
  return ready?.status === "True";
}

/** IPv4; the external one if the node has it. */
function addressOf(node: Node): string | undefined {
  const addresses = (node.status?.addresses ?? []).filter((it) => !it.address.includes(":"));
  for (const type of ["ExternalIP", "InternalIP"]) {
    const found = addresses.find((it) => it.type === type);
    if (found !== undefined) return found.address;
  }
  return undefined;
}

/** The Ingresses whose status says something else. */
export function planStatus(
  served: readonly Ingress[],
  addresses: readonly string[],
): readonly StatusStep[] {
  const wanted = addresses.join();
  return served
    .filter((it) => publishedOf(it.status?.loadBalancer?.ingress ?? []) !== wanted)
    .map((ingress) => ({ ingress, addresses }));
}

function publishedOf(list: readonly IngressLoadBalancerIngress[]): string {
  return list.map((it) => it.ip ?? it.hostname ?? "").join();
}
