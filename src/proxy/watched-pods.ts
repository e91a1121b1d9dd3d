import type { Container, Pod } from "#api/gen/types.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { pods } from "#client/kinds.ts";
import { parseAddress } from "./ipv4.ts";

/** All pods of the cluster, of each what rules depend on: its labels, node, addresses and ports. */
export function watchPods(informers: Informers): Informer<Pod> {
  return informers.of(pods, { name: "proxy", project: projectPod });
}

/**
 * The pod's own IPv4 address. Undefined: it has none yet, has ended, or lives in the network of its
 * node.
 */
export function podAddress({ spec, status = {} }: Pod): string | undefined {
  if (spec?.hostNetwork === true) return undefined;
  if (status.phase === "Succeeded" || status.phase === "Failed") return undefined;
  const listed = (status.podIPs ?? []).map((it) => it.ip);
  return [...listed, status.podIP ?? ""].find((it) => parseAddress(it) !== undefined);
}

/** Keeps of a pod what rules depend on: a node holds all pods of the cluster. */
export function projectPod(pod: Pod): Pod {
  const { metadata = {}, spec, status } = pod;
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const ports = (list: readonly Container[] | undefined): Container[] =>
    (list ?? [])
      .filter((it) => it.ports !== undefined)
      .map(({ name: of, ports: its, restartPolicy }) => ({ name: of, ports: its, restartPolicy }));
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
