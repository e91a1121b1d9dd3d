import type { Pod } from "#api/gen/types.ts";

const standardLines = [
  "# Kubernetes-managed hosts file.",
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "fe00::\tip6-mcastprefix",
  "fe00::1\tip6-allnodes",
  "fe00::2\tip6-allrouters",
];

export interface HostsPlace {
  readonly podIps: readonly string[];
  readonly hostname: string;
  readonly clusterDomain: string;
  /** The node's own file, for pods on the node's network. */
  readonly nodeHosts: string;
}

/** The pod's /etc/hosts. Upstream: `pkg/kubelet/kubelet_pods.go`, managedHostsFileContent. */
export function hostsFile(pod: Pod, place: HostsPlace): string {
  const isOnNode = pod.spec?.hostNetwork === true;
  const base = isOnNode
    ? `# Kubernetes-managed hosts file (host network).\n${place.nodeHosts}`
    : `${[...standardLines, ...ownLines(pod, place)].join("\n")}\n`;
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return base;
  const lines = aliases.map((it) => `${it.ip}\t${(it.hostnames ?? []).join("\t")}`);
  return `${base}\n# Entries added by HostAliases.\n${lines.join("\n")}\n`;
}

function ownLines(pod: Pod, { podIps, hostname, clusterDomain }: HostsPlace): string[] {
  const { subdomain } = pod.spec ?? {};
  const namespace = pod.metadata?.namespace ?? "";
  const short = hostname.split(".")[0] ?? hostname;
  const names =
    subdomain === undefined || subdomain === ""
      ? hostname
      : `${short}.${subdomain}.${namespace}.svc.${clusterDomain}\t${short}`;
  return podIps.map((ip) => `${ip}\t${names}`);
}
