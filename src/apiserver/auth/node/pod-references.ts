import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";

/** What a pod needs to run, by name, in its own namespace. */
export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  readonly resourceClaims: ReadonlySet<string>;
  readonly serviceAccount: string;
}

export const mirrorAnnotation = "kubernetes.io/config.mirror";

/**
 * The objects that a pod refers to. Mirror pods refer to nothing: a node could otherwise make one
 * to read any secret. Upstream: `plugin/pkg/auth/authorizer/node/graph.go`, `AddPod`, and
 * `pkg/api/v1/pod/util.go`.
 */
export function podReferences(pod: JsonObject): PodReferences {
  const found = {
    secrets: new Set<string>(),
    configMaps: new Set<string>(),
    claims: new Set<string>(),
    resourceClaims: new Set<string>(),
  };
  const metadata = childObject(pod, "metadata");
  const mirror = childObject(metadata, "annotations")?.[mirrorAnnotation] !== undefined;
  const spec = childObject(pod, "spec");
  if (mirror || spec === undefined) return { ...found, serviceAccount: "" };
  for (const secret of objects(spec, "imagePullSecrets")) add(found.secrets, secret, "name");
  for (const list of ["initContainers", "containers", "ephemeralContainers"]) {
    for (const container of objects(spec, list)) addEnvironment(container, found);
  }
  const podName = childString(metadata, "name") ?? "";
  for (const volume of objects(spec, "volumes")) addVolume(volume, podName, found);
  for (const claim of objects(childObject(pod, "status"), "resourceClaimStatuses")) {
    add(found.resourceClaims, claim, "resourceClaimName");
  }
  for (const claim of objects(spec, "resourceClaims")) {
    add(found.resourceClaims, claim, "resourceClaimName");
  }
  return { ...found, serviceAccount: childString(spec, "serviceAccountName") ?? "" };
}

interface Found {
  readonly secrets: Set<string>;
  readonly configMaps: Set<string>;
  readonly claims: Set<string>;
}

function addEnvironment(container: JsonObject, found: Found): void {
  for (const source of objects(container, "envFrom")) {
    add(found.secrets, childObject(source, "secretRef"), "name");
    add(found.configMaps, childObject(source, "configMapRef"), "name");
  }
  for (const variable of objects(container, "env")) {
    const from = childObject(variable, "valueFrom");
    add(found.secrets, childObject(from, "secretKeyRef"), "name");
    add(found.configMaps, childObject(from, "configMapKeyRef"), "name");
  }
}

function addVolume(volume: JsonObject, podName: string, found: Found): void {
  add(found.secrets, childObject(volume, "secret"), "secretName");
  add(found.configMaps, childObject(volume, "configMap"), "name");
  add(found.claims, childObject(volume, "persistentVolumeClaim"), "claimName");
  if (childObject(volume, "ephemeral") !== undefined) {
    found.claims.add(`${podName}-${childString(volume, "name") ?? ""}`);
  }
  const csi = childObject(volume, "csi");
  add(found.secrets, childObject(csi, "nodePublishSecretRef"), "name");
  for (const source of objects(childObject(volume, "projected"), "sources")) {
    add(found.secrets, childObject(source, "secret"), "name");
    add(found.configMaps, childObject(source, "configMap"), "name");
  }
  for (const kind of ["cephfs", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos"]) {
    add(found.secrets, childObject(childObject(volume, kind), "secretRef"), "name");
  }
  add(found.secrets, childObject(volume, "azureFile"), "secretName");
}

function add(names: Set<string>, from: JsonObject | undefined, key: string): void {
  const name = childString(from, key);
  if (name !== undefined && name !== "") names.add(name);
}

function objects(parent: JsonObject | undefined, key: string): JsonObject[] {
  return childList(parent, key).filter(isJsonObject);
}
