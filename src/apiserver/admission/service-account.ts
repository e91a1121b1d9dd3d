import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { randomSuffix } from "#api/names.ts";
import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import type { AdmissionRequest, AdmissionRule, ObjectSource } from "#apiserver/contract.ts";
import { mirrorAnnotation, podReferences } from "#apiserver/auth/node/pod-references.ts";
import { annotation, createdPod, refuse, specOf } from "./request.ts";

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";
const defaultMode = 0o644;
/** Seconds; upstream's odd number, by which it knows tokens that it added itself. */
const tokenSeconds = 3_607;
/** A new namespace gets its `default` account from a controller a moment later. */
const defaultAccountWaitMs = 1_000;

/**
 * Every pod runs as a service account: sets `default`, refuses unknown ones, mounts the token and
 * hands down pull secrets. Upstream: `plugin/pkg/admission/serviceaccount`.
 */
export function serviceAccount(objects: ObjectSource, clock: Clock, random: Random): AdmissionRule {
  const waiting = new Set<() => void>();
  objects.onChange("serviceaccounts", "", () => {
    for (const wake of waiting) wake();
  });

  async function find(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    const look = (): JsonObject | undefined => objects.get("serviceaccounts", "", namespace, name);
    if (look() !== undefined || name !== "default") return look();
    await appears(() => look() !== undefined, waiting, clock, signal);
    return look();
  }

  return {
    name: "ServiceAccount",
    async mutate(request, signal) {
      const pod = createdPod(request);
      if (pod === undefined) return;
      if (annotation(pod, mirrorAnnotation) !== undefined) {
        refuseMirror(request, pod);
        return;
      }
      const spec = specOf(pod);
      const given = childString(spec, "serviceAccountName") ?? childString(spec, "serviceAccount");
      const name = given === undefined || given === "" ? "default" : given;
      const { namespace } = request;
      const account = await find(namespace, name, signal);
      if (account === undefined) {
        const why = `serviceaccount ${JSON.stringify(name)} not found`;
        throw refuse(request, `error looking up service account ${namespace}/${name}: ${why}`);
      }
      spec["serviceAccountName"] = name;
      spec["serviceAccount"] = name;
      if (mounts(account, spec)) mountToken(spec, random);
      inheritPullSecrets(account, spec);
    },
  };
}

/** Resolves when `test` holds or a second has passed. @throws the signal's reason on abort. */
async function appears(
  test: () => boolean,
  waiting: Set<() => void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const found = new AbortController();
  const wake = (): void => {
    if (test()) found.abort();
  };
  waiting.add(wake);
  try {
    await clock.sleep(defaultAccountWaitMs, AbortSignal.any([found.signal, signal]));
  } catch (error) {
    if (signal.aborted) throw error;
  } finally {
    waiting.delete(wake);
  }
}

/** The pod's wish counts before the account's; both default to yes. */
function mounts(account: JsonObject, spec: JsonObject): boolean {
  const wish = spec["automountServiceAccountToken"] ?? account["automountServiceAccountToken"];
  return wish !== false;
}

function mountToken(spec: JsonObject, random: Random): void {
  const volumes = childList(spec, "volumes");
  const existing = volumes
    .filter(isJsonObject)
    .map((it) => childString(it, "name") ?? "")
    .find((it) => it.startsWith(volumePrefix));
  const name = existing ?? `${volumePrefix}${randomSuffix(5, random)}`;
  const containers = [...childList(spec, "initContainers"), ...childList(spec, "containers")];
  let needed = false;
  for (const container of containers.filter(isJsonObject)) {
    const has = childList(container, "volumeMounts");
    // A mount of the pod's own at this place takes precedence.
    if (has.some((it) => isJsonObject(it) && it["mountPath"] === mountPath)) continue;
    container["volumeMounts"] = [...has, { mountPath, name, readOnly: true }];
    needed = true;
  }
  if (needed && existing === undefined) spec["volumes"] = [...volumes, tokenVolume(name)];
}

function tokenVolume(name: string): JsonObject {
  const namespace = { apiVersion: "v1", fieldPath: "metadata.namespace" };
  const sources = [
    { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
    { configMap: { items: [{ key: "ca.crt", path: "ca.crt" }], name: "kube-root-ca.crt" } },
    { downwardAPI: { items: [{ fieldRef: namespace, path: "namespace" }] } },
  ];
  return { name, projected: { defaultMode, sources } };
}

function inheritPullSecrets(account: JsonObject, spec: JsonObject): void {
  const secrets = childList(account, "imagePullSecrets").filter(isJsonObject);
  if (childList(spec, "imagePullSecrets").length > 0 || secrets.length === 0) return;
  spec["imagePullSecrets"] = secrets.map((it) => ({ name: childString(it, "name") ?? "" }));
}

function refuseMirror(request: AdmissionRequest, pod: JsonObject): void {
  const spec = childObject(pod, "spec");
  if ((childString(spec, "serviceAccountName") ?? "") !== "") {
    throw refuse(request, "a mirror pod may not reference service accounts");
  }
  const plain = { ...pod, metadata: {} };
  if (podReferences(plain).secrets.size > 0) {
    throw refuse(request, "a mirror pod may not reference secrets");
  }
  const projected = childList(spec, "volumes")
    .filter(isJsonObject)
    .flatMap((it) => childList(childObject(it, "projected"), "sources"));
  if (projected.some((it) => isJsonObject(it) && it["serviceAccountToken"] !== undefined)) {
    throw refuse(request, "a mirror pod may not use ServiceAccountToken volume projections");
  }
}
