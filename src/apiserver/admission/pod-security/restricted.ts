import { isConfined, seccompProfile } from "./baseline.ts";
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

/** The checks that `restricted` adds. Upstream: `k8s.io/pod-security-admission/policy`. */

/** Windows has none of what the check is about. */
export function exceptWindows(check: Check): Check {
  return (pod) => (pod.spec.os?.name === "windows" ? undefined : check(pod));
}

/** Root of a user namespace is nobody outside of it. */
export function exceptOwnUsers(check: Check): Check {
  return (pod) => (pod.spec.hostUsers === false ? undefined : check(pod));
}

export function allowPrivilegeEscalation(pod: Subject): Violation | undefined {
  const names = containersThat(pod, (it) => it.securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${containersNamed(names)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

export function capabilitiesRestricted(pod: Subject): Violation | undefined {
  const added = (it: AnyContainer): string[] =>
    (it.securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
  const keeping = containersThat(
    pod,
    (it) => it.securityContext?.capabilities?.drop?.includes("ALL") !== true,
  );
  const adding = containersThat(pod, (it) => added(it).length > 0);
  const details: string[] = [];
  if (keeping.length > 0) {
    details.push(`${containersNamed(keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  }
  if (adding.length > 0) {
    const capabilities = quoted(sorted(pod.containers.flatMap(added)));
    details.push(
      `${containersNamed(adding)} must not include ${capabilities} in securityContext.capabilities.add`,
    );
  }
  if (details.length === 0) return undefined;
  return { reason: "unrestricted capabilities", detail: details.join("; ") };
}

const allowedVolumes = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
] as const;

const restrictedVolumeTypes = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "gitRepo",
  "nfs",
  "iscsi",
  "glusterfs",
  "rbd",
  "flexVolume",
  "cinder",
  "cephfs",
  "flocker",
  "fc",
  "azureFile",
  "vsphereVolume",
  "quobyte",
  "azureDisk",
  "photonPersistentDisk",
  "portworxVolume",
  "scaleIO",
  "storageos",
] as const;

export function restrictedVolumes({ spec }: Subject): Violation | undefined {
  const bad = (spec.volumes ?? []).filter((volume) =>
    allowedVolumes.every((it) => volume[it] === undefined),
  );
  if (bad.length === 0) return undefined;
  const types = sorted(
    bad.map((volume) => restrictedVolumeTypes.find((it) => volume[it] !== undefined) ?? "unknown"),
  );
  const volumes = `${plural("volume", "volumes", bad.length)} ${quoted(bad.map((it) => it.name ?? ""))}`;
  const use = plural("uses", "use", bad.length);
  const what = plural("restricted volume type", "restricted volume types", types.length);
  return {
    reason: "restricted volume types",
    detail: `${volumes} ${use} ${what} ${quoted(types)}`,
  };
}

export function runAsNonRoot(pod: Subject): Violation | undefined {
  const ofPod = pod.spec.securityContext?.runAsNonRoot;
  const own = (it: AnyContainer): boolean | undefined => it.securityContext?.runAsNonRoot;
  const reason = "runAsNonRoot != true";
  const setters = settersNamed(
    ofPod === false,
    containersThat(pod, (it) => own(it) === false),
  );
  if (setters !== "") {
    return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
  }
  if (ofPod === true) return undefined;
  const silent = containersThat(pod, (it) => own(it) === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason,
    detail: `pod or ${containersNamed(silent)} must set securityContext.runAsNonRoot=true`,
  };
}

export function runAsUser(pod: Subject): Violation | undefined {
  const setters = settersNamed(
    pod.spec.securityContext?.runAsUser === 0,
    containersThat(pod, (it) => it.securityContext?.runAsUser === 0),
  );
  if (setters === "") return undefined;
  return { reason: "runAsUser=0", detail: `${setters} must not set runAsUser=0` };
}

export function seccompRequired(pod: Subject): Violation | undefined {
  const bad = seccompProfile(pod);
  if (bad !== undefined) return bad;
  if (isConfined(pod.spec.securityContext?.seccompProfile?.type)) return undefined;
  const silent = containersThat(pod, (it) => it.securityContext?.seccompProfile === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${containersNamed(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}
