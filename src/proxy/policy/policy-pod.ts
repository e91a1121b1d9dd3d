import type { Container, Pod } from "#api/gen/types.ts";
import { keyOf, namespaceOf } from "#client/object-key.ts";
import { parseAddress } from "#proxy/ipv4.ts";

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
  const { status = {}, spec } = pod;
  if (spec?.hostNetwork === true) return undefined;
  if (status.phase === "Succeeded" || status.phase === "Failed") return undefined;
  const listed = (status.podIPs ?? []).map((it) => it.ip);
  const address = [...listed, status.podIP ?? ""].find((it) => parseAddress(it) !== undefined);
  if (address === undefined) return undefined;
  return policyPodAt(pod, address);
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

/** Keeps of a pod what {@link policyPod} reads: a node holds all pods of the cluster. */
export function projectPod(pod: Pod): Pod {
  const { metadata = {}, spec, status } = pod;
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const ports = (list: readonly Container[] | undefined): Container[] =>
    (list ?? [])
      .filter((it) => it.ports !== undefined)
      .map(({ name: of, ports: its }) => ({ name: of, ports: its }));
  return {
    metadata: { name, namespace, uid, resourceVersion, labels },
    spec: {
      nodeName: spec?.nodeName,
      hostNetwork: spec?.hostNetwork,
      containers: ports(spec?.containers),
      initContainers: ports(spec?.initContainers),
    },
    status: { phase: status?.phase, podIP: status?.podIP, podIPs: status?.podIPs },
  };
}
