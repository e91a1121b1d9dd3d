import type { Pod } from "#api/gen/types.ts";
import type { SandboxConfig } from "#cri/runtime.ts";
import { containerLabels } from "./containers.ts";
import { podDns, type NodeDns } from "./dns.ts";
import { hasPrivileged, pidNamespace, sandboxSecurity } from "./security.ts";

export interface SandboxPlace {
  readonly attempt: number;
  readonly dns: NodeDns;
  readonly logDirectory: string;
  readonly cgroupParent: string;
  readonly nodeName: string;
  /** Of the pod's RuntimeClass; empty for the default. */
  readonly runtimeHandler: string;
}

/** Linux allows no longer host name: 64 bytes, of which upstream gives short names 63. */
const hostnameLengthMax = 63;
const fullNameLengthMax = 64;

/** Why no sandbox can be made for the pod on this node; undefined: one can. */
export function sandboxProblem(
  pod: Pod,
  place: Pick<SandboxPlace, "dns" | "nodeName" | "runtimeHandler">,
): string | undefined {
  if (pod.spec?.hostUsers === false) {
    const who =
      place.runtimeHandler === ""
        ? "runtime"
        : `RuntimeClass handler ${JSON.stringify(place.runtimeHandler)}`;
    return `can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`;
  }
  const hostname = podHostname(pod, place);
  if (pod.spec?.hostNetwork === true || hostname.length <= fullNameLengthMax) return undefined;
  return `failed to construct FQDN from pod hostname and cluster domain, FQDN ${hostname} is too long (${fullNameLengthMax} characters is the max, ${hostname.length} characters requested)`;
}

/** The sandbox of a pod, as the runtime is asked for it. */
export function sandboxConfig(pod: Pod, place: SandboxPlace): SandboxConfig {
  const { name = "", namespace = "", uid = "", labels = {}, annotations = {} } = pod.metadata ?? {};
  const sysctls = pod.spec?.securityContext?.sysctls ?? [];
  return {
    metadata: { name, namespace, uid, attempt: place.attempt },
    hostname: podHostname(pod, place),
    logDirectory: place.logDirectory,
    dns: podDns(pod, place.dns),
    labels: {
      ...labels,
      [containerLabels.podName]: name,
      [containerLabels.podNamespace]: namespace,
      [containerLabels.podUid]: uid,
    },
    annotations,
    cgroupParent: place.cgroupParent,
    network: pod.spec?.hostNetwork === true ? "node" : "pod",
    pid: pidNamespace(pod),
    ipc: pod.spec?.hostIPC === true ? "node" : "pod",
    sysctls: Object.fromEntries(sysctls.map((it) => [it.name, it.value])),
    privileged: hasPrivileged(pod),
    security: sandboxSecurity(pod),
    runtimeHandler: place.runtimeHandler,
  };
}

/** The name that the pod's processes see; a pod on the node's network sees the node's. */
export function podHostname(
  pod: Pod,
  place: { readonly dns: NodeDns; readonly nodeName: string },
): string {
  const { hostNetwork = false, hostname, subdomain, setHostnameAsFQDN = false } = pod.spec ?? {};
  const { hostnameOverride } = pod.spec ?? {};
  if (hostnameOverride !== undefined) return hostnameOverride;
  if (hostNetwork) return place.nodeName;
  const { name = "", namespace = "" } = pod.metadata ?? {};
  const short = (hostname ?? name).slice(0, hostnameLengthMax).replace(/[-.]+$/, "");
  if (!setHostnameAsFQDN || subdomain === undefined) return short;
  return `${short}.${subdomain}.${namespace}.svc.${place.dns.clusterDomain}`;
}
