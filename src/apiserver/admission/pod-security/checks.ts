import {
  appArmorProfile,
  capabilitiesBaseline,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbesAndLifecycle,
  privileged,
  procMount,
  seLinuxOptions,
  seLinuxOptionsWithEngine,
  seccompAnnotations,
  seccompProfile,
  sysctls,
  windowsHostProcess,
} from "./baseline.ts";
import { newestMinor, type LevelVersion } from "./policy.ts";
import {
  allowPrivilegeEscalation,
  capabilitiesRestricted,
  exceptOwnUsers,
  exceptWindows,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompRequired,
} from "./restricted.ts";
import type { Check, Subject, Violation } from "./subject.ts";

/** A check as it is from one minor version of Kubernetes 1 on. */
interface VersionedCheck {
  readonly since: number;
  readonly check: Check;
}

interface CheckHistory {
  readonly id: string;
  readonly versions: readonly VersionedCheck[];
  /** The check of `baseline` whose place this one takes. */
  readonly replaces?: string;
}

/** In the order of messages: by id. Upstream: `policy.DefaultChecks`. */
const baseline: readonly CheckHistory[] = [
  { id: "appArmorProfile", versions: [{ since: 0, check: appArmorProfile }] },
  { id: "capabilities_baseline", versions: [{ since: 0, check: capabilitiesBaseline }] },
  { id: "hostNamespaces", versions: [{ since: 0, check: hostNamespaces }] },
  { id: "hostPathVolumes", versions: [{ since: 0, check: hostPathVolumes }] },
  { id: "hostPorts", versions: [{ since: 0, check: hostPorts }] },
  { id: "hostProbesAndHostLifecycle", versions: [{ since: 34, check: hostProbesAndLifecycle }] },
  { id: "privileged", versions: [{ since: 0, check: privileged }] },
  {
    id: "procMount",
    versions: [
      { since: 0, check: procMount },
      { since: 35, check: exceptOwnUsers(procMount) },
    ],
  },
  {
    id: "seLinuxOptions",
    versions: [
      { since: 0, check: seLinuxOptions },
      { since: 31, check: seLinuxOptionsWithEngine },
    ],
  },
  {
    id: "seccompProfile_baseline",
    versions: [
      { since: 0, check: seccompAnnotations },
      { since: 19, check: seccompProfile },
    ],
  },
  { id: "sysctls", versions: [0, 27, 29, 32].map((since) => ({ since, check: sysctls(since) })) },
  { id: "windowsHostProcess", versions: [{ since: 0, check: windowsHostProcess }] },
];

const restricted: readonly CheckHistory[] = [
  {
    id: "allowPrivilegeEscalation",
    versions: [
      { since: 8, check: allowPrivilegeEscalation },
      { since: 25, check: exceptWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    id: "capabilities_restricted",
    versions: [
      { since: 22, check: capabilitiesRestricted },
      { since: 25, check: exceptWindows(capabilitiesRestricted) },
    ],
    replaces: "capabilities_baseline",
  },
  {
    id: "procMount_restricted",
    versions: [{ since: 35, check: procMount }],
    replaces: "procMount",
  },
  {
    id: "restrictedVolumes",
    versions: [{ since: 0, check: restrictedVolumes }],
    replaces: "hostPathVolumes",
  },
  {
    id: "runAsNonRoot",
    versions: [
      { since: 0, check: runAsNonRoot },
      { since: 35, check: exceptOwnUsers(runAsNonRoot) },
    ],
  },
  {
    id: "runAsUser",
    versions: [
      { since: 23, check: runAsUser },
      { since: 35, check: exceptOwnUsers(runAsUser) },
    ],
  },
  {
    id: "seccompProfile_restricted",
    versions: [
      { since: 19, check: seccompRequired },
      { since: 25, check: exceptWindows(seccompRequired) },
    ],
    replaces: "seccompProfile_baseline",
  },
];

const byLevel = { baseline: byVersion(false), restricted: byVersion(true) };

/** What a level of some version has against a pod, in the order of upstream's messages. */
export function violationsOf({ level, minor }: LevelVersion, pod: Subject): Violation[] {
  if (level === "privileged") return [];
  const checks = byLevel[level][Math.min(minor, newestMinor)] ?? [];
  return checks.map((check) => check(pod)).filter((it) => it !== undefined);
}

/** The checks of each minor version. */
function byVersion(isRestricted: boolean): Check[][] {
  return Array.from({ length: newestMinor + 1 }, (_, minor) => {
    const more = isRestricted ? restricted.filter((it) => checkAt(it, minor) !== undefined) : [];
    const replaced = new Set(more.map((it) => it.replaces));
    const kept = baseline.filter((it) => !replaced.has(it.id));
    return [...kept, ...more]
      .map((it) => checkAt(it, minor))
      .filter((check) => check !== undefined);
  });
}

function checkAt({ versions }: CheckHistory, minor: number): Check | undefined {
  return versions.findLast((it) => it.since <= minor)?.check;
}
