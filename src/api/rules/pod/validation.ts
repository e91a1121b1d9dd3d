import type {
  ObjectMeta,
  Pod,
  PodDNSConfig,
  PodResourceClaim,
  PodSpec,
  PodTemplateSpec,
} from "#api/gen/types.ts";
import { dns1123LabelFaults, dns1123SubdomainFaults, qualifiedNameFaults } from "#api/names.ts";
import { ipFaults } from "#api/rules/addresses.ts";
import { isNew } from "#api/rules/compose.ts";
import type { Faults } from "#api/rules/faults.ts";
import { checkAnnotations, checkLabels } from "#api/rules/labels/validation.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkAllContainers } from "./containers.ts";
import { isEmpty } from "./defaults.ts";
import type { Volumes } from "./mounts.ts";
import { checkPodResources, checkResources } from "./resources.ts";
import { checkAffinity, checkTolerations, checkTopologySpread } from "./scheduling.ts";
import { checkHostUsers, checkOs, checkPodSecurity, forEachContainer } from "./security.ts";
import { checkVolumes } from "./volumes.ts";

const noClaims: ReadonlySet<string> = new Set();

/** Upstream: `ValidatePodCreate`, and `validatePodMetadataAndSpec` for a stored pod. */
export function validatePod(pod: Loose<Pod>, at: Faults): void {
  const spec = pod.spec ?? {};
  checkPodAnnotations("metadata.annotations", pod.metadata?.annotations, spec, at);
  at.enter("spec");
  checkPodSpec(spec, pod.metadata ?? {}, at);
  if (isEmpty(spec.serviceAccountName)) checkNoTokens(spec, at);
  if (isNew(pod)) {
    if ((spec.ephemeralContainers ?? []).length > 0) {
      at.forbidden("ephemeralContainers", "cannot be set on create");
    }
    if (!isEmpty(spec.nodeName) && (spec.schedulingGates ?? []).length > 0) {
      at.forbidden("nodeName", "cannot be set until all schedulingGates have been cleared");
    }
  }
  at.leave();
}

/** A template at field `name` of the current place. Upstream: `ValidatePodTemplateSpec`. */
export function checkPodTemplate(name: string, template: Loose<PodTemplateSpec>, at: Faults): void {
  const spec = template.spec ?? {};
  at.enter(name);
  checkLabels("labels", template.metadata?.labels, at);
  checkAnnotations("annotations", template.metadata?.annotations, at);
  checkPodAnnotations("annotations", template.metadata?.annotations, spec, at);
  at.enter("spec");
  checkPodSpec(spec, undefined, at);
  if ((spec.ephemeralContainers ?? []).length > 0) {
    at.forbidden("ephemeralContainers", "ephemeral containers not allowed in pod template");
  }
  at.leave();
  at.leave();
}

function checkPodAnnotations(
  field: string,
  annotations: Readonly<Record<string, string>> | undefined,
  spec: Loose<PodSpec>,
  at: Faults,
): void {
  if (annotations === undefined) return;
  const mirror = annotations["kubernetes.io/config.mirror"];
  if (mirror !== undefined && isEmpty(spec.nodeName)) {
    const detail = "must set spec.nodeName if mirror pod annotation is set";
    at.invalid(`${field}[kubernetes.io/config.mirror]`, mirror, detail);
  }
  const costKey = "controller.kubernetes.io/pod-deletion-cost";
  const cost = annotations[costKey];
  if (cost !== undefined && !isInt32(cost)) {
    at.invalid(`${field}[${costKey}]`, cost, "must be a 32bit integer");
  }
}

function isInt32(text: string): boolean {
  return /^(0|-?[1-9][0-9]{0,9})$/.test(text) && Number(text) === Math.trunc(Number(text)) << 0;
}

/** The spec of a pod, or of a template when `meta` is undefined. Upstream: `ValidatePodSpec`. */
function checkPodSpec(spec: Loose<PodSpec>, meta: Loose<ObjectMeta> | undefined, at: Faults): void {
  if (spec.terminationGracePeriodSeconds === undefined) {
    at.required("terminationGracePeriodSeconds");
  }
  const volumes = checkVolumes(spec.volumes, meta, at);
  const claims =
    spec.resourceClaims === undefined ? noClaims : checkClaims(spec.resourceClaims, at);
  checkAllContainers({ spec, volumes, claims, isPod: meta !== undefined }, at);
  checkPodResources(spec, at);
  if (spec.hostNetwork === true) checkHostNetwork(spec, meta !== undefined, at);
  at.oneOf("restartPolicy", spec.restartPolicy, ["Always", "OnFailure", "Never"]);
  at.oneOf("dnsPolicy", spec.dnsPolicy, dnsPolicies);
  checkLabels("nodeSelector", spec.nodeSelector, at);
  if (spec.securityContext !== undefined) checkPodSecurity(spec.securityContext, spec, at);
  checkPlacement(spec, at);
  checkNetworkNames(spec, at);
  checkReferences(spec, at);
  if (spec.os !== undefined) checkOs(spec, at);
  checkHostUsers(spec, at);
  checkFileKeys(spec, volumes, at);
}

const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

function checkPlacement(spec: Loose<PodSpec>, at: Faults): void {
  if (spec.affinity !== undefined) checkAffinity(spec.affinity, at);
  if (spec.tolerations !== undefined) checkTolerations(spec.tolerations, at);
  if (spec.topologySpreadConstraints !== undefined) {
    checkTopologySpread(spec.topologySpreadConstraints, at);
  }
  for (const [i, it] of (spec.readinessGates ?? []).entries()) {
    const type = it.conditionType ?? "";
    at.invalidAll(`readinessGates[${i}].conditionType`, type, qualifiedNameFaults(type));
  }
  if (spec.schedulingGates !== undefined) checkGates(spec.schedulingGates, at);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > int32Max)) {
    const detail = `must be between 1 and ${int32Max}, inclusive`;
    at.invalid("activeDeadlineSeconds", deadline, detail);
  }
  const preemption = spec.preemptionPolicy;
  if (preemption !== undefined) {
    at.oneOf("preemptionPolicy", preemption, ["PreemptLowerPriority", "Never"]);
  }
  if (spec.overhead !== undefined) {
    at.enter("overhead");
    checkResources({ limits: spec.overhead }, noClaims, at);
    at.leave();
  }
}

const int32Max = 2 ** 31 - 1;

function checkGates(gates: NonNullable<Loose<PodSpec>["schedulingGates"]>, at: Faults): void {
  const seen = new Set<string>();
  for (const [i, it] of gates.entries()) {
    const name = it.name ?? "";
    at.invalidAll(`schedulingGates[${i}]`, name, qualifiedNameFaults(name));
    if (seen.has(name)) at.duplicate(`schedulingGates[${i}]`, name);
    seen.add(name);
  }
}

function checkNetworkNames(spec: Loose<PodSpec>, at: Faults): void {
  if (!isEmpty(spec.hostname)) {
    at.invalidAll("hostname", spec.hostname, dns1123LabelFaults(spec.hostname ?? ""));
  }
  if (!isEmpty(spec.subdomain)) {
    at.invalidAll("subdomain", spec.subdomain, dns1123LabelFaults(spec.subdomain ?? ""));
  }
  if (spec.hostnameOverride !== undefined) checkHostnameOverride(spec, at);
  if (spec.dnsPolicy === "None" || spec.dnsConfig !== undefined) {
    checkDns(spec.dnsConfig, spec.dnsPolicy, at);
  }
  for (const [i, it] of (spec.hostAliases ?? []).entries()) {
    at.enter("hostAliases", i);
    at.invalidAll("ip", it.ip, ipFaults(it.ip ?? ""));
    for (const [j, name] of (it.hostnames ?? []).entries()) {
      at.invalidAll(`hostnames[${j}]`, name, dns1123SubdomainFaults(name));
    }
    at.leave();
  }
}

function checkHostnameOverride(spec: Loose<PodSpec>, at: Faults): void {
  const name = spec.hostnameOverride ?? "";
  if (spec.setHostnameAsFQDN === true) {
    at.forbidden("hostnameOverride", "may not be specified when setHostnameAsFQDN is true");
  }
  if (spec.hostNetwork === true) {
    at.forbidden("hostnameOverride", "may not be specified when hostNetwork is true");
  }
  if (name.length > 64) at.tooLong("hostnameOverride", 64);
  at.invalidAll("hostnameOverride", name, dns1123SubdomainFaults(name));
}

const nameserversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2048;

/** Upstream: `validatePodDNSConfig`. */
function checkDns(
  config: Loose<PodDNSConfig> | undefined,
  policy: string | undefined,
  at: Faults,
): void {
  const servers = config?.nameservers ?? [];
  if (policy === "None") {
    if (config === undefined) {
      at.required("dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if (servers.length === 0) {
      const detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      at.required("dnsConfig.nameservers", detail);
      return;
    }
  }
  at.enter("dnsConfig");
  if (servers.length > nameserversMax) {
    at.invalid("nameservers", servers, `must not have more than ${nameserversMax} nameservers`);
  }
  for (const [i, it] of servers.entries()) at.invalidAll(`nameservers[${i}]`, it, ipFaults(it));
  checkSearches(config?.searches ?? [], at);
  for (const [i, it] of (config?.options ?? []).entries()) {
    if (isEmpty(it.name)) at.required(`options[${i}]`, "must not be empty");
  }
  at.leave();
}

function checkSearches(searches: readonly string[], at: Faults): void {
  if (searches.length > searchesMax) {
    at.invalid("searches", searches, `must not have more than ${searchesMax} search paths`);
  }
  if (searches.join(" ").length > searchCharactersMax) {
    const detail = `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`;
    at.invalid("searches", searches, detail);
  }
  for (const [i, it] of searches.entries()) checkSearch(`searches[${i}]`, it, at);
}

function checkSearch(field: string, search: string, at: Faults): void {
  if (search === ".") return;
  const name = search.endsWith(".") ? search.slice(0, -1) : search;
  // A search path may have underscores where a host name has letters.
  const plain = name.replace(/^_|(?<=\.)_|_/g, "x");
  if (dns1123SubdomainFaults(plain).length > 0) {
    at.invalidAll(field, search, dns1123SubdomainFaults(name));
  }
}

/** Names of other objects. */
function checkReferences(spec: Loose<PodSpec>, at: Faults): void {
  checkName("serviceAccountName", spec.serviceAccountName, at);
  checkName("nodeName", spec.nodeName, at);
  checkName("priorityClassName", spec.priorityClassName, at);
  const runtimeClass = spec.runtimeClassName;
  if (runtimeClass !== undefined) {
    at.invalidAll("runtimeClassName", runtimeClass, dns1123SubdomainFaults(runtimeClass));
  }
}

function checkName(field: string, name: string | undefined, at: Faults): void {
  if (name !== undefined && name !== "") at.invalidAll(field, name, dns1123SubdomainFaults(name));
}

function checkHostNetwork(spec: Loose<PodSpec>, isPod: boolean, at: Faults): void {
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [j, it] of (container.ports ?? []).entries()) {
      const hostPort = it.hostPort ?? 0;
      if (hostPort === it.containerPort || (!isPod && hostPort === 0)) continue;
      const detail = "must match `containerPort` when `hostNetwork` is true";
      at.invalid(`containers[${i}].ports[${j}].hostPort`, hostPort, detail);
    }
  }
}

function checkClaims(claims: readonly Loose<PodResourceClaim>[], at: Faults): Set<string> {
  const names = new Set<string>();
  for (const [i, it] of claims.entries()) {
    at.enter("resourceClaims", i);
    const name = it.name ?? "";
    if (name === "") at.required("name");
    else if (names.has(name)) at.duplicate("name", name);
    else at.invalidAll("name", name, dns1123LabelFaults(name));
    names.add(name);
    if (it.resourceClaimName !== undefined && it.resourceClaimTemplateName !== undefined) {
      const detail =
        "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
      at.invalid("", it, detail);
    }
    if (it.resourceClaimName === undefined && it.resourceClaimTemplateName === undefined) {
      const detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
      at.invalid("", it, detail);
    }
    checkName("resourceClaimName", it.resourceClaimName, at);
    checkName("resourceClaimTemplateName", it.resourceClaimTemplateName, at);
    at.leave();
  }
  return names;
}

function checkNoTokens(spec: Loose<PodSpec>, at: Faults): void {
  for (const [i, volume] of (spec.volumes ?? []).entries()) {
    for (const [j, source] of (volume.projected?.sources ?? []).entries()) {
      if (source.serviceAccountToken === undefined) continue;
      const field = `volumes[${i}].projected.sources[${j}].serviceAccountToken`;
      at.forbidden(field, "must not be specified when serviceAccountName is not set");
    }
  }
}

function checkFileKeys(spec: Loose<PodSpec>, volumes: Volumes, at: Faults): void {
  forEachContainer(spec, (container, path) => {
    if (container.env === undefined) return;
    for (const [i, it] of container.env.entries()) {
      const ref = it.valueFrom?.fileKeyRef;
      if (ref === undefined) continue;
      const name = ref.volumeName ?? "";
      const volume = volumes.get(name);
      const field = `${path}.env[${i}].valueFrom.fileKeyRef.volumeName`;
      if (volume === undefined) at.notFound(field, name);
      else if (volume.emptyDir === undefined) {
        at.invalid(field, name, "referenced volume must be of type emptyDir");
      }
    }
  });
}
