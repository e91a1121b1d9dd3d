import type { Container, ContainerPort, Pod, PodSpec } from "#api/gen/types.ts";
import { dns1123LabelFaults } from "#api/names.ts";
import type { Loose } from "#api/rules/rules.ts";
import { forEachContainer } from "./security.ts";

/** Warnings for a new pod. Upstream: `WarningsOnCreate` of pods. */
export function podWarnings(pod: Loose<Pod>): string[] {
  const faults = dns1123LabelFaults(pod.metadata?.name ?? "");
  const warnings = specWarnings(pod.spec ?? {}, "spec");
  if (faults.length === 0) return warnings;
  const what =
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
  return [`${what}: [${faults.join(" ")}]`, ...warnings];
}

const goneVolumes: Readonly<Record<string, string>> = {
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  gitRepo: "deprecated in v1.11, and disabled by default in v1.33+",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  flocker: "deprecated in v1.22, non-functional in v1.25+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  quobyte: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
};

/** Warnings for the spec of a pod or a template at `path`. Upstream: `GetWarningsForPodTemplate`. */
export function specWarnings(spec: Loose<PodSpec>, path: string): string[] {
  const warnings: string[] = [];
  for (const [i, volume] of (spec.volumes ?? []).entries()) {
    for (const source in volume) {
      const gone = goneVolumes[source];
      if (gone !== undefined) warnings.push(`${path}.volumes[${i}].${source}: ${gone}`);
    }
  }
  for (const [i, it] of (spec.topologySpreadConstraints ?? []).entries()) {
    if (it.labelSelector !== undefined) continue;
    const field = `${path}.topologySpreadConstraints[${i}].labelSelector`;
    warnings.push(`${field}: a null labelSelector results in matching no pod`);
  }
  warnings.push(...pullSecretWarnings(spec, path));
  forEachContainer(spec, (container, place) => {
    warnings.push(...envWarnings(container, `${path}.${place}`));
  });
  warnings.push(...portWarnings(spec, path));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const field = `${path}.terminationGracePeriodSeconds`;
    warnings.push(`${field}: must be >= 0; negative values are invalid and will be treated as 1`);
  }
  return warnings;
}

function pullSecretWarnings(spec: Loose<PodSpec>, path: string): string[] {
  const seen = new Set<string>();
  const warnings: string[] = [];
  for (const [i, it] of (spec.imagePullSecrets ?? []).entries()) {
    const name = it.name ?? "";
    const field = `${path}.imagePullSecrets[${i}].name`;
    if (name === "") warnings.push(`${field}: invalid empty name ""`);
    else if (seen.has(name)) warnings.push(`${field}: duplicate name ${JSON.stringify(name)}`);
    seen.add(name);
  }
  return warnings;
}

function envWarnings(container: Loose<Container>, path: string): string[] {
  const seen = new Set<string>();
  const warnings: string[] = [];
  for (const [i, it] of (container.env ?? []).entries()) {
    const name = it.name ?? "";
    const ref = `$(${name})`;
    const extends_ = it.valueFrom === undefined && it.value !== ref && it.value?.includes(ref);
    if (seen.has(name) && extends_ !== true) {
      const what = `hides previous definition of ${JSON.stringify(name)}`;
      warnings.push(`${path}.env[${i}]: ${what}, which may be dropped when using apply`);
    }
    seen.add(name);
  }
  return warnings;
}

function portWarnings(spec: Loose<PodSpec>, path: string): string[] {
  const warnings: string[] = [];
  const places = new Map<string, string>();
  const names = new Map<string, string>();
  forEachContainer(spec, (container, place) => {
    for (const [i, it] of (container.ports ?? []).entries()) {
      const field = `${path}.${place}.ports[${i}]`;
      warnings.push(...overlapWarnings(it, field, places), ...nameWarnings(it, field, names));
    }
  });
  return warnings;
}

function overlapWarnings(
  port: Loose<ContainerPort>,
  field: string,
  places: Map<string, string>,
): string[] {
  const key = `${port.containerPort ?? 0}/${port.protocol ?? ""}`;
  const exact = `${key}/${port.hostIP ?? ""}/${port.hostPort ?? 0}`;
  const [same, overlapping] = [places.get(exact), places.get(key)];
  places.set(exact, same ?? field);
  if ((port.hostPort ?? 0) === 0) places.set(key, overlapping ?? field);
  if (same !== undefined) return [`${field}: duplicate port definition with ${same}`];
  if (overlapping === undefined) return [];
  return [`${field}: overlapping port definition with ${overlapping}`];
}

function nameWarnings(
  port: Loose<ContainerPort>,
  field: string,
  names: Map<string, string>,
): string[] {
  const name = port.name ?? "";
  if (name === "") return [];
  const first = names.get(name);
  if (first === undefined) {
    names.set(name, field);
    return [];
  }
  const what = `duplicate port name ${JSON.stringify(name)} with ${first}`;
  return [`${field}: ${what}, services and probes that select ports by name will use ${first}`];
}
