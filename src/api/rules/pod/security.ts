import type {
  AppArmorProfile,
  Container,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  Sysctl,
  WindowsSecurityContextOptions,
} from "#api/gen/types.ts";
import { dns1123SubdomainFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkDescending } from "./paths.ts";

const idMax = 2 ** 31 - 1;

function checkId(field: string, id: number | undefined, at: Faults): void {
  if (id === undefined || (id >= 0 && id <= idMax)) return;
  at.invalid(field, id, `must be between 0 and ${idMax}, inclusive`);
}

/** The security context of a container. Upstream: `ValidateSecurityContext`. */
export function checkContainerSecurity(
  context: Loose<SecurityContext>,
  hostUsers: boolean,
  at: Faults,
): void {
  at.enter("securityContext");
  checkId("runAsUser", context.runAsUser, at);
  checkId("runAsGroup", context.runAsGroup, at);
  if (context.procMount !== undefined) {
    at.optionalOneOf("procMount", context.procMount, ["Default", "Unmasked"]);
    if (hostUsers && context.procMount === "Unmasked") {
      at.invalid("procMount", context.procMount, "`hostUsers` must be false to use `Unmasked`");
    }
  }
  checkSeccomp(context.seccompProfile, at);
  if (context.allowPrivilegeEscalation === false) checkEscalation(context, at);
  checkWindowsOptions(context.windowsOptions, at);
  checkAppArmor(context.appArmorProfile, at);
  at.leave();
}

function checkEscalation(context: Loose<SecurityContext>, at: Faults): void {
  if (context.privileged === true) {
    const detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
    at.invalid("", context, detail);
  }
  if ((context.capabilities?.add ?? []).includes("CAP_SYS_ADMIN")) {
    const detail =
      "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
    at.invalid("", context, detail);
  }
}

/** The security context of a pod. Upstream: `validatePodSpecSecurityContext`. */
export function checkPodSecurity(
  context: Loose<PodSecurityContext>,
  spec: Loose<PodSpec>,
  at: Faults,
): void {
  at.enter("securityContext");
  checkId("fsGroup", context.fsGroup, at);
  checkId("runAsUser", context.runAsUser, at);
  checkId("runAsGroup", context.runAsGroup, at);
  for (const [i, id] of (context.supplementalGroups ?? []).entries()) {
    checkId(`supplementalGroups[${i}]`, id, at);
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled";
    at.invalid("shareProcessNamespace", true, detail);
  }
  if (context.sysctls !== undefined) checkSysctls(context.sysctls, spec, at);
  at.optionalOneOf("fsGroupChangePolicy", context.fsGroupChangePolicy, [
    "Always",
    "OnRootMismatch",
  ]);
  checkSeccomp(context.seccompProfile, at);
  checkWindowsOptions(context.windowsOptions, at);
  checkAppArmor(context.appArmorProfile, at);
  at.optionalOneOf("supplementalGroupsPolicy", context.supplementalGroupsPolicy, [
    "Merge",
    "Strict",
  ]);
  at.optionalOneOf("seLinuxChangePolicy", context.seLinuxChangePolicy, [
    "MountOption",
    "Recursive",
  ]);
  at.leave();
}

const sysctlPattern = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlName = new RegExp(`^${sysctlPattern}$`);

function checkSysctls(sysctls: readonly Loose<Sysctl>[], spec: Loose<PodSpec>, at: Faults): void {
  const seen = new Set<string>();
  for (const [i, it] of sysctls.entries()) {
    at.enter("sysctls", i);
    const name = it.name ?? "";
    if (name === "") at.required("name");
    else if (name.length > 253 || !sysctlName.test(name)) {
      const detail = `must have at most 253 characters and match regex ^${sysctlPattern}$`;
      at.invalid("name", name, detail);
    } else if (seen.has(name)) at.duplicate("name", name);
    seen.add(name);
    const dotted = name.replaceAll("/", ".");
    if (spec.hostNetwork === true && dotted.startsWith("net.")) {
      at.invalid("name", name, "may not be specified when 'hostNetwork' is true");
    }
    if (spec.hostIPC === true && isIpcSysctl(dotted)) {
      at.invalid("name", name, "may not be specified when 'hostIPC' is true");
    }
    at.leave();
  }
}

function isIpcSysctl(name: string): boolean {
  return /^(kernel\.(shm|msg)|kernel\.sem$|fs\.mqueue\.)/.test(name);
}

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

function checkSeccomp(profile: Loose<SeccompProfile> | undefined, at: Faults): void {
  if (profile === undefined) return;
  at.enter("seccompProfile");
  const type = profile.type ?? "";
  if (type === "") at.required("type", "type is required when seccompProfile is set");
  else at.optionalOneOf("type", type, profileTypes);
  if (type === "Localhost") {
    if (profile.localhostProfile === undefined) {
      at.required("localhostProfile", "must be set when seccomp type is Localhost");
    } else {
      checkDescending("localhostProfile", profile.localhostProfile, at);
    }
  } else if (profile.localhostProfile !== undefined) {
    at.invalid("localhostProfile", profile, "can only be set when seccomp type is Localhost");
  }
  at.leave();
}

function checkAppArmor(profile: Loose<AppArmorProfile> | undefined, at: Faults): void {
  if (profile === undefined) return;
  at.enter("appArmorProfile");
  const type = profile.type ?? "";
  const name = profile.localhostProfile;
  if (type === "") at.required("type", "type is required when appArmorProfile is set");
  else at.optionalOneOf("type", type, profileTypes);
  if (type === "Localhost") {
    if (name === undefined || name === "") {
      at.required("localhostProfile", "must be set when AppArmor type is Localhost");
    } else if (name.trim() !== name) {
      at.invalid("localhostProfile", name, "must not be padded with whitespace");
    }
    if ((name ?? "").length > 4095) at.tooLong("localhostProfile", 4095);
  } else if (name !== undefined) {
    at.invalid("localhostProfile", name, "can only be set when AppArmor type is Localhost");
  }
  at.leave();
}

function checkWindowsOptions(
  options: Loose<WindowsSecurityContextOptions> | undefined,
  at: Faults,
): void {
  if (options === undefined) return;
  at.enter("windowsOptions");
  const name = options.gmsaCredentialSpecName;
  if (name !== undefined) {
    at.invalidAll("gmsaCredentialSpecName", name, dns1123SubdomainFaults(name));
  }
  const credential = options.gmsaCredentialSpec;
  if (credential === "") {
    at.invalid("gmsaCredentialSpec", "", "gmsaCredentialSpec cannot be an empty string");
  } else if ((credential ?? "").length > 64 * 1024) {
    const detail = "gmsaCredentialSpec size must be under 64 KiB";
    at.invalid("gmsaCredentialSpec", credential, detail);
  }
  if (options.runAsUserName === "") {
    at.invalid("runAsUserName", "", "runAsUserName cannot be an empty string");
  }
  at.leave();
}

/** What the operating system of a pod rules out. Upstream: `validateLinux`, `validateWindows`. */
export function checkOs(spec: Loose<PodSpec>, at: Faults): void {
  const name = spec.os?.name ?? "";
  if (name === "") at.required("os.name");
  else if (name === "linux") checkLinux(spec, at);
  else if (name === "windows") checkWindows(spec, at);
  else at.notSupported("os", name, ["linux", "windows"]);
}

function checkLinux(spec: Loose<PodSpec>, at: Faults): void {
  const detail = "windows options cannot be set for a linux pod";
  if (spec.securityContext?.windowsOptions !== undefined) {
    at.forbidden("securityContext.windowsOptions", detail);
  }
  forEachContainer(spec, (it, path) => {
    if (it.securityContext?.windowsOptions !== undefined) {
      at.forbidden(`${path}.securityContext.windowsOptions`, detail);
    }
  });
}

const noWindowsPodFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;

const noWindowsContainerFields = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

function checkWindows(spec: Loose<PodSpec>, at: Faults): void {
  const detail = "cannot be set for a windows pod";
  for (const field of noWindowsPodFields) {
    if (spec.securityContext?.[field] !== undefined) {
      at.forbidden(`securityContext.${field}`, detail);
    }
  }
  if (spec.hostUsers !== undefined) at.forbidden("hostUsers", detail);
  if (spec.hostPID === true) at.forbidden("hostPID", detail);
  if (spec.hostIPC === true) at.forbidden("hostIPC", detail);
  if (spec.shareProcessNamespace !== undefined) at.forbidden("shareProcessNamespace", detail);
  forEachContainer(spec, (it, path) => {
    for (const field of noWindowsContainerFields) {
      if (it.securityContext?.[field] !== undefined) {
        at.forbidden(`${path}.securityContext.${field}`, detail);
      }
    }
  });
}

/** Visits init, regular and ephemeral containers with their place in the spec. */
export function forEachContainer(
  spec: Loose<PodSpec>,
  visit: (container: Loose<Container>, path: string) => void,
): void {
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    for (const [i, it] of (spec[list] ?? []).entries()) visit(it, `${list}[${i}]`);
  }
}

/** What a user namespace rules out. Upstream: `validateHostUsers`. */
export function checkHostUsers(spec: Loose<PodSpec>, at: Faults): void {
  if (spec.hostUsers !== false) return;
  const detail = "when `hostUsers` is false";
  if (spec.hostNetwork === true) at.forbidden("hostNetwork", detail);
  if (spec.hostPID === true) at.forbidden("HostPID", detail);
  if (spec.hostIPC === true) at.forbidden("HostIPC", detail);
  forEachContainer(spec, (it, path) => {
    if ((it.volumeDevices ?? []).length > 0) at.forbidden(`${path}.volumeDevices`, detail);
  });
}
