import type { AppArmorProfile, Pod } from "#api/gen/types.ts";
import type { Verdict } from "#kubelet/pod/input.ts";

/**
 * Kernel settings that belong to one pod alone and harm no other. Upstream:
 * `pkg/kubelet/sysctl/safe_sysctls.go`; all kernels that run Gantry have them in namespaces.
 */
const safeSysctls: ReadonlyMap<string, SysctlNamespace> = new Map<string, SysctlNamespace>([
  ["kernel.shm_rmid_forced", "IPC"],
  ["net.ipv4.ip_local_port_range", "Net"],
  ["net.ipv4.tcp_syncookies", "Net"],
  ["net.ipv4.ping_group_range", "Net"],
  ["net.ipv4.ip_unprivileged_port_start", "Net"],
  ["net.ipv4.ip_local_reserved_ports", "Net"],
  ["net.ipv4.tcp_keepalive_time", "Net"],
  ["net.ipv4.tcp_fin_timeout", "Net"],
  ["net.ipv4.tcp_keepalive_intvl", "Net"],
  ["net.ipv4.tcp_keepalive_probes", "Net"],
  ["net.ipv4.tcp_rmem", "Net"],
  ["net.ipv4.tcp_wmem", "Net"],
]);

type SysctlNamespace = "IPC" | "Net";

/** What this node cannot give any pod, and so refuses at the door. Undefined: nothing of that kind. */
export function unsupportedFeature(pod: Pod): Verdict | undefined {
  const { os, securityContext } = pod.spec ?? {};
  if (os !== undefined && os.name !== "linux") {
    const message = "Failed to admit pod as the OS field doesn't match node OS";
    return { reason: "PodOSNotSupported", message };
  }
  // The runtime takes the groups of the image's /etc/group along, and cannot be told not to.
  if (securityContext?.supplementalGroupsPolicy === "Strict") {
    const message = "SupplementalGroupsPolicy=Strict is not supported in this node";
    return { reason: "SupplementalGroupsPolicyNotSupported", message };
  }
  const sysctl = forbiddenSysctl(pod);
  if (sysctl !== undefined) {
    return { reason: "SysctlForbidden", message: `forbidden sysctl: ${sysctl}` };
  }
  if (wantsAppArmor(pod)) {
    const message = "Cannot enforce AppArmor: AppArmor is not enabled on the host";
    return { reason: "AppArmor", message };
  }
  return undefined;
}

function forbiddenSysctl(pod: Pod): string | undefined {
  const { securityContext, hostNetwork = false, hostIPC = false } = pod.spec ?? {};
  for (const { name } of securityContext?.sysctls ?? []) {
    const namespace = safeSysctls.get(name.replaceAll("/", "."));
    if (namespace === undefined) return `"${name}" not allowlisted`;
    const isShared = namespace === "IPC" ? hostIPC : hostNetwork;
    if (isShared) return `"${name}" not allowed with host ${namespace} enabled`;
  }
  return undefined;
}

function wantsAppArmor(pod: Pod): boolean {
  const { securityContext, containers = [], initContainers = [] } = pod.spec ?? {};
  const isEnforced = (it: AppArmorProfile | undefined): boolean =>
    it !== undefined && it.type !== "Unconfined";
  return (
    isEnforced(securityContext?.appArmorProfile) ||
    [...initContainers, ...containers].some((it) => isEnforced(it.securityContext?.appArmorProfile))
  );
}
