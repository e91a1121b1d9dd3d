import type { Pod } from "#api/gen/types.ts";
import { keyOf, namespaceOf } from "#client/object-key.ts";
import { podAddress } from "#proxy/watched-pods.ts";

/** What network policies depend on in a pod. */
export interface PolicyPod {
  readonly key: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** IPv4. */
  readonly address: string;
  readonly nodeName: string;
  /** Ports that containers name: `tcp/http` to number. */
  readonly namedPorts: ReadonlyMap<string, number>;
}

/**
 * Undefined for a pod without an address of its own: it has none yet, has ended, or lives in the
 * network of its node, which policies do not touch.
 */
export function policyPod(pod: Pod): PolicyPod | undefined {
  const address = podAddress(pod);
  return address === undefined ? undefined : policyPodAt(pod, address);
}

/** The view of a pod that is about to have the address. */
export function policyPodAt(pod: Pod, address: string): PolicyPod {
  return {
    key: keyOf(pod),
    namespace: namespaceOf(pod),
    labels: pod.metadata?.labels ?? {},
    address,
    nodeName: pod.spec?.nodeName ?? "",
    namedPorts: namedPortsOf(pod),
  };
}

/** Sidecars are init containers that go on running; the first of two equal names counts. */
function namedPortsOf({ spec }: Pod): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { ports = [] } of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
    for (const { name = "", protocol = "TCP", containerPort } of ports) {
      const key = `${protocol.toLowerCase()}/${name}`;
      if (name !== "" && !found.has(key)) found.set(key, containerPort);
    }
  }
  return found;
}
