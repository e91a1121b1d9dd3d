import type { AppArmorProfile, SELinuxOptions, SeccompProfile } from "#api/gen/types.ts";
import type { Loose } from "#api/rules/rules.ts";
import {
  containersNamed,
  containersThat,
  plural,
  quoted,
  settersNamed,
  sorted,
  type AnyContainer,
  type Check,
  type Subject,
  type Violation,
} from "./subject.ts";

/** The checks of the level `baseline`. Upstream: `k8s.io/pod-security-admission/policy`. */

const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";

export function appArmorProfile(pod: Subject): Violation | undefined {
  const profile = pod.spec.securityContext?.appArmorProfile;
  const isBadPod = profile !== undefined && !isConfined(profile.type);
  const isBad = (it: AnyContainer): boolean => {
    const own = it.securityContext?.appArmorProfile;
    return own !== undefined && !isConfined(own.type);
  };
  const names = containersThat(pod, isBad);
  const types = sorted([
    ...(isBadPod ? [typeOf(profile)] : []),
    ...pod.containers.filter(isBad).map((it) => typeOf(it.securityContext?.appArmorProfile)),
  ]);
  const annotations = Object.entries(pod.metadata.annotations ?? {})
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !isAllowedAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const fields = settersNamed(isBadPod, names);
  const setters = fields === "" ? [] : [fields];
  if (annotations.length > 0) setters.push(plural("annotation", "annotations", annotations.length));
  if (setters.length === 0) return undefined;
  const values = [...types, ...annotations];
  return {
    reason: plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.length),
    detail: `${setters.join(" and ")} must not set AppArmor profile type to ${quoted(values)}`,
  };
}

function isAllowedAnnotation(profile: string): boolean {
  return profile === "" || profile === "runtime/default" || profile.startsWith("localhost/");
}

/** True for the profiles, AppArmor's or seccomp's, that confine. */
export function isConfined(type: string | undefined): boolean {
  return type === "RuntimeDefault" || type === "Localhost";
}

function typeOf(profile: Loose<AppArmorProfile> | Loose<SeccompProfile> | undefined): string {
  return profile?.type ?? "";
}

const defaultCapabilities = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

export function capabilitiesBaseline(pod: Subject): Violation | undefined {
  const added = (it: AnyContainer): string[] =>
    (it.securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const names = containersThat(pod, (it) => added(it).length > 0);
  if (names.length === 0) return undefined;
  const capabilities = quoted(sorted(pod.containers.flatMap(added)));
  return {
    reason: "non-default capabilities",
    detail: `${containersNamed(names)} must not include ${capabilities} in securityContext.capabilities.add`,
  };
}

export function hostNamespaces({ spec }: Subject): Violation | undefined {
  const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((it) => spec[it] === true);
  if (shared.length === 0) return undefined;
  return { reason: "host namespaces", detail: shared.map((it) => `${it}=true`).join(", ") };
}

export function hostPathVolumes({ spec }: Subject): Violation | undefined {
  const names = (spec.volumes ?? [])
    .filter((it) => it.hostPath !== undefined)
    .map((it) => it.name ?? "");
  if (names.length === 0) return undefined;
  const detail = `${plural("volume", "volumes", names.length)} ${quoted(names)}`;
  return { reason: "hostPath volumes", detail };
}

export function hostPorts(pod: Subject): Violation | undefined {
  const portsOf = (it: AnyContainer): string[] =>
    (it.ports ?? []).map((port) => port.hostPort ?? 0).flatMap((at) => (at === 0 ? [] : [`${at}`]));
  const names = containersThat(pod, (it) => portsOf(it).length > 0);
  if (names.length === 0) return undefined;
  const ports = sorted(pod.containers.flatMap(portsOf));
  const use = plural("uses", "use", names.length);
  const what = plural("hostPort", "hostPorts", ports.length);
  return {
    reason: "hostPort",
    detail: `${containersNamed(names)} ${use} ${what} ${ports.join(", ")}`,
  };
}

export function hostProbesAndLifecycle(pod: Subject): Violation | undefined {
  const names = sorted(containersThat(pod, (it) => hostsOf(it).length > 0));
  if (names.length === 0) return undefined;
  const hosts = sorted(pod.containers.flatMap(hostsOf));
  const what = plural("probe or lifecycle host", "probe or lifecycle hosts", hosts.length);
  const use = plural("uses", "use", names.length);
  return {
    reason: "probe or lifecycle host",
    detail: `${containersNamed(names)} ${use} ${what} ${quoted(hosts)}`,
  };
}

/** Hosts that probes and hooks name instead of asking the pod. */
function hostsOf({
  livenessProbe,
  readinessProbe,
  startupProbe,
  lifecycle,
}: AnyContainer): string[] {
  const { postStart, preStop } = lifecycle ?? {};
  return [livenessProbe, readinessProbe, startupProbe, postStart, preStop]
    .flatMap((it) => [it?.httpGet?.host ?? "", it?.tcpSocket?.host ?? ""])
    .filter((it) => it !== "");
}

export function privileged(pod: Subject): Violation | undefined {
  const names = containersThat(pod, (it) => it.securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return {
    reason: "privileged",
    detail: `${containersNamed(names)} must not set securityContext.privileged=true`,
  };
}

/** The mount of /proc with its masks, for every pod. */
export function procMount(pod: Subject): Violation | undefined {
  const typeIn = (it: AnyContainer): string => it.securityContext?.procMount ?? "Default";
  const names = containersThat(pod, (it) => typeIn(it) !== "Default");
  if (names.length === 0) return undefined;
  const types = sorted(pod.containers.map(typeIn)).filter((it) => it !== "Default");
  return {
    reason: "procMount",
    detail: `${containersNamed(names)} must not set securityContext.procMount to ${quoted(types)}`,
  };
}

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];

export function seLinuxOptions(pod: Subject): Violation | undefined {
  return seLinux(pod, new Set(seLinuxTypes));
}

/** Since 1.31 container engines have a type of their own. */
export function seLinuxOptionsWithEngine(pod: Subject): Violation | undefined {
  return seLinux(pod, new Set([...seLinuxTypes, "container_engine_t"]));
}

function seLinux(pod: Subject, types: ReadonlySet<string>): Violation | undefined {
  const isBad = (it: Loose<SELinuxOptions> | undefined): it is Loose<SELinuxOptions> =>
    it !== undefined &&
    (!types.has(it.type ?? "") || (it.user ?? "") !== "" || (it.role ?? "") !== "");
  const ofPod = pod.spec.securityContext?.seLinuxOptions;
  const names = containersThat(pod, (it) => isBad(it.securityContext?.seLinuxOptions));
  const setters = settersNamed(isBad(ofPod), names);
  if (setters === "") return undefined;
  const bad = [ofPod, ...pod.containers.map((it) => it.securityContext?.seLinuxOptions)].filter(
    isBad,
  );
  const badTypes = sorted(bad.map((it) => it.type ?? "")).filter((it) => !types.has(it));
  const data: string[] = [];
  if (badTypes.length > 0) {
    data.push(`${plural("type", "types", badTypes.length)} ${quoted(badTypes)}`);
  }
  if (bad.some((it) => (it.user ?? "") !== "")) data.push("user may not be set");
  if (bad.some((it) => (it.role ?? "") !== "")) data.push("role may not be set");
  return {
    reason: "seLinuxOptions",
    detail: `${setters} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}`,
  };
}

const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";

/** Until 1.19 the profile was an annotation. */
export function seccompAnnotations(pod: Subject): Violation | undefined {
  const annotations = pod.metadata.annotations ?? {};
  const keys = pod.containers.map((it) => `${seccompContainer}${it.name ?? ""}`);
  const bad = sorted(
    [seccompPod, ...keys].flatMap((key) => {
      const value = annotations[key];
      const isBad = value !== undefined && !isSeccompAnnotation(value);
      return isBad ? [`${key}=${JSON.stringify(value)}`] : [];
    }),
  );
  if (bad.length === 0) return undefined;
  const what = plural("annotation", "annotations", bad.length);
  return { reason: "seccompProfile", detail: `forbidden ${what} ${bad.join(", ")}` };
}

function isSeccompAnnotation(value: string): boolean {
  return (
    value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/")
  );
}

export function seccompProfile(pod: Subject): Violation | undefined {
  const ofPod = pod.spec.securityContext?.seccompProfile;
  const isBadPod = ofPod !== undefined && !isConfined(ofPod.type);
  const isBad = (it: AnyContainer): boolean => {
    const own = it.securityContext?.seccompProfile;
    return own !== undefined && !isConfined(own.type);
  };
  const setters = settersNamed(isBadPod, containersThat(pod, isBad));
  if (setters === "") return undefined;
  const bad = pod.containers.filter(isBad).map((it) => typeOf(it.securityContext?.seccompProfile));
  const types = quoted(sorted([...(isBadPod ? [typeOf(ofPod)] : []), ...bad]));
  return {
    reason: "seccompProfile",
    detail: `${setters} must not set securityContext.seccompProfile.type to ${types}`,
  };
}

/** Sysctls that concern nobody but the pod, by the version that first allows them. */
const safeSysctls: readonly (readonly [since: number, name: string])[] = [
  [0, "kernel.shm_rmid_forced"],
  [0, "net.ipv4.ip_local_port_range"],
  [0, "net.ipv4.tcp_syncookies"],
  [0, "net.ipv4.ping_group_range"],
  [0, "net.ipv4.ip_unprivileged_port_start"],
  [27, "net.ipv4.ip_local_reserved_ports"],
  [29, "net.ipv4.tcp_keepalive_time"],
  [29, "net.ipv4.tcp_fin_timeout"],
  [29, "net.ipv4.tcp_keepalive_intvl"],
  [29, "net.ipv4.tcp_keepalive_probes"],
  [32, "net.ipv4.tcp_rmem"],
  [32, "net.ipv4.tcp_wmem"],
];

/** The check of sysctls as version 1.`minor` has it. */
export function sysctls(minor: number): Check {
  const safe = new Set(safeSysctls.flatMap(([since, name]) => (since <= minor ? [name] : [])));
  return ({ spec }) => {
    const bad = (spec.securityContext?.sysctls ?? [])
      .map((it) => it.name ?? "")
      .filter((it) => !safe.has(it));
    return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
  };
}

export function windowsHostProcess(pod: Subject): Violation | undefined {
  const ofPod = pod.spec.securityContext?.windowsOptions?.hostProcess === true;
  const names = containersThat(
    pod,
    (it) => it.securityContext?.windowsOptions?.hostProcess === true,
  );
  const setters = settersNamed(ofPod, names);
  if (setters === "") return undefined;
  return {
    reason: "hostProcess",
    detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true`,
  };
}
