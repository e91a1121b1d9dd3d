import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "#api/gen/types.ts";
import {
  configMapKeyFaults,
  dns1123LabelFaults,
  dns1123SubdomainFaults,
  qualifiedNameFaults,
  relaxedEnvVarNameFaults,
} from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isEmpty } from "./defaults.ts";
import { checkNoBacksteps } from "./paths.ts";

export function checkEnv(env: readonly Loose<EnvVar>[], at: Faults): void {
  for (const [i, it] of env.entries()) {
    at.enter("env", i);
    if (isEmpty(it.name)) at.required("name");
    else at.invalidAll("name", it.name, relaxedEnvVarNameFaults(it.name ?? ""));
    if (it.valueFrom !== undefined) {
      at.enter("valueFrom");
      checkValueFrom(it.valueFrom, it.value ?? "", at);
      at.leave();
    }
    at.leave();
  }
}

function checkValueFrom(from: Loose<EnvVarSource>, value: string, at: Faults): void {
  let sources = 0;
  if (from.fieldRef !== undefined) {
    sources++;
    checkFieldRef("fieldRef", from.fieldRef, envFields, at);
  }
  if (from.resourceFieldRef !== undefined) {
    sources++;
    checkResourceRef(from.resourceFieldRef, false, at);
  }
  if (from.configMapKeyRef !== undefined) {
    sources++;
    checkKeyRef("configMapKeyRef", from.configMapKeyRef, at);
  }
  if (from.secretKeyRef !== undefined) {
    sources++;
    checkKeyRef("secretKeyRef", from.secretKeyRef, at);
  }
  if (from.fileKeyRef !== undefined) {
    sources++;
    checkFileRef(from.fileKeyRef, at);
  }
  checkSourceCount(sources, value, at);
}

function checkSourceCount(sources: number, value: string, at: Faults): void {
  if (sources === 0) {
    const detail =
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
    at.invalid("", "", detail);
  } else if (value !== "") {
    at.invalid("", "", "may not be specified when `value` is not empty");
  } else if (sources > 1) {
    at.invalid("", "", "may not have more than one field specified at a time");
  }
}

const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

/** The fields that a downward API volume may show besides labels and annotations. */
export const volumeFields = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

const knownFields = new Set([...envFields, ...volumeFields]);

/** A reference to a field of the pod; `fields` are those that may stand there, sorted. */
export function checkFieldRef(
  name: string,
  ref: Loose<ObjectFieldSelector>,
  fields: readonly string[],
  at: Faults,
): void {
  at.enter(name);
  const path = ref.fieldPath ?? "";
  if (isEmpty(ref.apiVersion)) at.required("apiVersion");
  else if (path === "") at.required("fieldPath");
  else if (ref.apiVersion !== "v1") {
    const detail = `error converting fieldPath: unsupported pod version: ${ref.apiVersion ?? ""}`;
    at.invalid("fieldPath", path, detail);
  } else checkFieldPath(path, fields, at);
  at.leave();
}

function checkFieldPath(path: string, fields: readonly string[], at: Faults): void {
  const subscript = /^(.*)\['(.*)'\]$/.exec(path);
  if (subscript === null) {
    if (!knownFields.has(path)) {
      const detail = `error converting fieldPath: field label not supported: ${path}`;
      at.invalid("fieldPath", path, detail);
    } else if (!fields.includes(path)) at.notSupported("fieldPath", path, fields);
    return;
  }
  const [, field = "", key = ""] = subscript;
  if (field === "metadata.annotations") {
    at.invalidAll("", key.toLowerCase(), qualifiedNameFaults(key.toLowerCase()));
  } else if (field === "metadata.labels") {
    at.invalidAll("", key, qualifiedNameFaults(key));
  } else {
    const detail = `error converting fieldPath: field label does not support subscript: ${path}`;
    at.invalid("fieldPath", path, detail);
  }
}

const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];

const divisors = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the";
const byteDivisors = new Set(
  ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((it) => `1${it}`),
);

/** A reference to a resource of a container, as `resourceFieldRef`. */
export function checkResourceRef(
  ref: Loose<ResourceFieldSelector>,
  inVolume: boolean,
  at: Faults,
): void {
  at.enter("resourceFieldRef");
  const resource = ref.resource ?? "";
  if (inVolume && isEmpty(ref.containerName)) at.required("containerName");
  else if (resource === "") at.required("resource");
  else if (!resourceFields.includes(resource) && !/^(requests|limits)\.hugepages-/.test(resource)) {
    at.notSupported("resource", resource, resourceFields);
  }
  checkDivisor(resource, ref.divisor ?? "0", at);
  at.leave();
}

function checkDivisor(resource: string, divisor: string, at: Faults): void {
  if (divisor === "0") return;
  const kind = resource.slice(resource.indexOf(".") + 1);
  if (kind === "cpu") {
    if (divisor === "1m" || divisor === "1") return;
    const detail = "only divisor's values 1m and 1 are supported with the cpu resource";
    at.invalid("divisor", resource, detail);
  } else if (!byteDivisors.has(divisor)) {
    const names: Readonly<Record<string, string>> = {
      memory: "memory",
      "ephemeral-storage": "local ephemeral storage",
    };
    const name = kind.startsWith("hugepages-") ? "hugepages" : names[kind];
    if (name === undefined) return;
    at.invalid("divisor", resource, `only divisor's values ${divisors} ${name} resource`);
  }
}

interface KeyRef {
  readonly name?: string | undefined;
  readonly key?: string | undefined;
}

function checkKeyRef(name: string, ref: KeyRef, at: Faults): void {
  at.enter(name);
  at.invalidAll("name", ref.name, dns1123SubdomainFaults(ref.name ?? ""));
  if (isEmpty(ref.key)) at.required("key");
  else at.invalidAll("key", ref.key, configMapKeyFaults(ref.key ?? ""));
  at.leave();
}

function checkFileRef(ref: Loose<FileKeySelector>, at: Faults): void {
  at.enter("fileKeyRef");
  if (isEmpty(ref.key)) at.required("key");
  else at.invalidAll("key", ref.key, relaxedEnvVarNameFaults(ref.key ?? ""));
  if (isEmpty(ref.volumeName)) at.required("volumeName");
  else at.invalidAll("volumeName", ref.volumeName, dns1123LabelFaults(ref.volumeName ?? ""));
  if (isEmpty(ref.path)) at.required("path");
  else checkNoBacksteps("path", ref.path ?? "", at);
  at.leave();
}

export function checkEnvFrom(sources: readonly Loose<EnvFromSource>[], at: Faults): void {
  for (const [i, it] of sources.entries()) {
    at.enter("envFrom", i);
    const prefix = it.prefix ?? "";
    if (prefix !== "") at.invalidAll("prefix", prefix, relaxedEnvVarNameFaults(prefix));
    if (it.configMapRef !== undefined) checkSourceName("configMapRef", it.configMapRef.name, at);
    if (it.secretRef !== undefined) checkSourceName("secretRef", it.secretRef.name, at);
    at.leave();
    // Upstream reports these two at the list, not at the item.
    if (it.configMapRef === undefined && it.secretRef === undefined) {
      at.invalid("envFrom", "", "must specify one of: `configMapRef` or `secretRef`");
    } else if (it.configMapRef !== undefined && it.secretRef !== undefined) {
      at.invalid("envFrom", "", "may not have more than one field specified at a time");
    }
  }
}

function checkSourceName(field: string, name: string | undefined, at: Faults): void {
  at.enter(field);
  if (isEmpty(name)) at.required("name");
  else at.invalidAll("name", name, dns1123SubdomainFaults(name ?? ""));
  at.leave();
}
