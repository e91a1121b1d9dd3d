import { childObject, childString, isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { mergePods } from "./merge-pods.ts";

/** Arguments of a task that runs a pod, as the author gave them, templates filled in. */
export type PodArguments = Readonly<Record<string, Json>>;

export const defaultBaseContainer = "base";
/** Names of the protocol by which a container hands something on: Airflow's. */
export const xcomSidecar = {
  container: "airflow-xcom-sidecar",
  volume: "xcom",
  folder: "/airflow/xcom",
  file: "/airflow/xcom/return.json",
} as const;

export const defaultSidecarImage = "busybox";

export function baseContainerOf(input: PodArguments): string {
  const name = input["baseContainerName"];
  return typeof name === "string" && name !== "" ? name : defaultBaseContainer;
}

/**
 * The pod that a task asks for, without name, namespace and labels of its try. The task's own
 * arguments win over `fullPodSpec`, and that over the template.
 */
export function operatorPod(input: PodArguments, template: JsonObject): JsonObject {
  const full = input["fullPodSpec"];
  const base = isJsonObject(full) ? mergePods(template, full) : template;
  const merged = mergePods(base, argumentsPod(input));
  const spec = { ...childObject(merged, "spec"), restartPolicy: "Never" };
  const pod = { ...merged, apiVersion: "v1", kind: "Pod", spec };
  return input["doXcomPush"] === true ? withSidecar(pod, input) : pod;
}

function argumentsPod(input: PodArguments): JsonObject {
  const container = defined({
    name: baseContainerOf(input),
    image: input["image"],
    command: input["cmds"],
    args: input["arguments"],
    ports: input["ports"],
    env: environmentOf(input),
    envFrom: sourcesOf(input),
    resources: input["containerResources"],
    imagePullPolicy: input["imagePullPolicy"],
    volumeMounts: [...listOf(input["volumeMounts"]), ...secretMounts(input)],
    securityContext: input["containerSecurityContext"],
    terminationMessagePolicy: input["terminationMessagePolicy"],
  });
  return {
    metadata: defined({
      name: input["name"],
      namespace: input["namespace"],
      labels: input["labels"],
      annotations: input["annotations"],
    }),
    spec: defined({
      containers: [container],
      volumes: [...listOf(input["volumes"]), ...secretVolumes(input)],
      initContainers: input["initContainers"],
      affinity: input["affinity"],
      nodeSelector: input["nodeSelector"],
      tolerations: input["tolerations"],
      imagePullSecrets: listOf(input["imagePullSecrets"]).map((name) => ({ name })),
      serviceAccountName: input["serviceAccountName"],
      automountServiceAccountToken: input["automountServiceAccountToken"],
      hostNetwork: input["hostnetwork"],
      hostAliases: input["hostAliases"],
      securityContext: input["securityContext"],
      dnsPolicy: input["dnspolicy"],
      dnsConfig: input["dnsConfig"],
      hostname: input["hostname"],
      subdomain: input["subdomain"],
      schedulerName: input["schedulername"],
      priorityClassName: input["priorityClassName"],
      terminationGracePeriodSeconds: input["terminationGracePeriod"],
      activeDeadlineSeconds: input["activeDeadlineSeconds"],
    }),
  };
}

/** Without what was left out. */
function defined(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  const given = Object.entries(fields).filter(([, it]) => {
    return it !== undefined && !(Array.isArray(it) && it.length === 0);
  });
  return Object.fromEntries<Json | undefined>(given);
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function objectsOf(value: Json | undefined): JsonObject[] {
  return listOf(value).filter(isJsonObject);
}

function environmentOf(input: PodArguments): Json[] {
  const given = input["envVars"];
  const named = isJsonObject(given)
    ? Object.entries(given).map(([name, it]) => ({ name, value: textOf(it) }))
    : listOf(given);
  const facts = objectsOf(input["podRuntimeInfoEnvs"]).map(({ name = null, fieldPath = null }) => ({
    name,
    valueFrom: { fieldRef: { fieldPath } },
  }));
  const secrets = objectsOf(input["secrets"]).flatMap((it) => {
    const { deployType, deployTarget, secret = null, key } = it;
    if (deployType !== "env" || deployTarget == null) return [];
    return [
      { name: deployTarget, valueFrom: { secretKeyRef: { name: secret, key: key ?? null } } },
    ];
  });
  return [...named, ...facts, ...secrets];
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}

function sourcesOf(input: PodArguments): Json[] {
  const maps = listOf(input["configmaps"]).map((name) => ({ configMapRef: { name } }));
  const secrets = objectsOf(input["secrets"]).flatMap((it) =>
    it["deployType"] === "env" && it["deployTarget"] == null
      ? [{ secretRef: { name: it["secret"] ?? null } }]
      : [],
  );
  return [...listOf(input["envFrom"]), ...maps, ...secrets];
}

function mountedSecrets(input: PodArguments): readonly (JsonObject & { readonly name: string })[] {
  return objectsOf(input["secrets"])
    .filter((it) => it["deployType"] === "volume")
    .map((it, at) => ({ ...it, name: `secretvol${at}` }));
}

function secretVolumes(input: PodArguments): Json[] {
  return mountedSecrets(input).map(({ name, secret, key }) => ({
    name,
    secret: {
      secretName: secret ?? null,
      ...(key == null ? {} : { items: [{ key, path: key }] }),
    },
  }));
}

function secretMounts(input: PodArguments): Json[] {
  return mountedSecrets(input).map(({ name, deployTarget }) => ({
    name,
    mountPath: deployTarget ?? null,
    readOnly: true,
  }));
}

/** Adds the container that keeps what the first one hands on until it has been read. */
function withSidecar(pod: JsonObject, input: PodArguments): JsonObject {
  const spec = childObject(pod, "spec") ?? {};
  const mount = { name: xcomSidecar.volume, mountPath: xcomSidecar.folder };
  const image = input["xcomSidecarImage"];
  const [first, ...others] = objectsOf(spec["containers"]);
  const sidecar = {
    name: xcomSidecar.container,
    image: typeof image === "string" && image !== "" ? image : defaultSidecarImage,
    imagePullPolicy: "IfNotPresent",
    command: ["sh", "-c", 'trap "exit 0" INT TERM; while true; do sleep 1; done;'],
    volumeMounts: [mount],
    resources: { requests: { cpu: "1m", memory: "10Mi" } },
  };
  const base = { ...first, volumeMounts: [...listOf(first?.["volumeMounts"]), mount] };
  return {
    ...pod,
    spec: {
      ...spec,
      volumes: [...listOf(spec["volumes"]), { name: xcomSidecar.volume, emptyDir: {} }],
      containers: [base, ...others, sidecar],
    },
  };
}

/** The name that a pod's author gave, without what makes it unique. */
export function givenName(pod: JsonObject): string | undefined {
  const name = childString(childObject(pod, "metadata"), "name");
  return name === "" ? undefined : name;
}
