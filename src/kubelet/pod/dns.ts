import type { Pod } from "#api/gen/types.ts";
import type { SandboxConfig } from "#cri/runtime.ts";

/** Name resolution as the node has it and as the cluster gives it. */
export interface NodeDns {
  /** Addresses of the cluster's DNS; empty when there is none. */
  readonly clusterServers: readonly string[];
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Of the node's own resolv.conf. */
  readonly node: SandboxConfig["dns"];
}

/** Of glibc and upstream's validation. */
const serversMax = 3;
const searchesMax = 32;

/**
 * What the pod's resolv.conf holds, by its DNS policy.
 * Upstream: `pkg/kubelet/network/dns/dns.go`, GetPodDNS.
 */
export function podDns(pod: Pod, dns: NodeDns): SandboxConfig["dns"] {
  const { dnsPolicy = "ClusterFirst", dnsConfig, hostNetwork = false } = pod.spec ?? {};
  const namespace = pod.metadata?.namespace ?? "";
  const base = policyDns(dnsPolicy, hostNetwork, namespace, dns);
  const given = (dnsConfig?.options ?? []).map((it) =>
    it.value === undefined || it.value === "" ? (it.name ?? "") : `${it.name ?? ""}:${it.value}`,
  );
  const givenNames = new Set((dnsConfig?.options ?? []).map((it) => it.name));
  const kept = base.options.filter((it) => !givenNames.has(it.split(":")[0] ?? ""));
  return {
    servers: unique([...base.servers, ...(dnsConfig?.nameservers ?? [])]).slice(0, serversMax),
    searches: unique([...base.searches, ...(dnsConfig?.searches ?? [])]).slice(0, searchesMax),
    options: [...kept, ...given],
  };
}

function policyDns(
  policy: string,
  hostNetwork: boolean,
  namespace: string,
  dns: NodeDns,
): SandboxConfig["dns"] {
  if (policy === "None") return { servers: [], searches: [], options: [] };
  const wantsCluster =
    policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !hostNetwork);
  if (!wantsCluster || dns.clusterServers.length === 0) return dns.node;
  const domain = dns.clusterDomain;
  return {
    servers: dns.clusterServers,
    searches: unique([`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...dns.node.searches]),
    options: ["ndots:5"],
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** Reads a resolv.conf; what is not understood is left out. */
export function parseResolvConf(text: string): SandboxConfig["dns"] {
  const servers: string[] = [];
  let searches: string[] = [];
  const options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    if (keyword === "search") searches = values;
    if (keyword === "options") options.push(...values);
  }
  return {
    servers: servers.slice(0, serversMax),
    searches: searches.slice(0, searchesMax),
    options,
  };
}
