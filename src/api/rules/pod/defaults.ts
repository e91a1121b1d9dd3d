import type {
  Container,
  EphemeralContainer,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
} from "#api/gen/types.ts";
import { findQuantity, quantityOfMillis } from "#api/quantity.ts";
import type { Draft } from "#api/rules/rules.ts";
import { defaultPullPolicy } from "./image.ts";
import { isHugePages, isPodLevelResource } from "./resource-names.ts";
import { totalOf } from "./totals.ts";
import { defaultVolume } from "./volume-defaults.ts";

type ResourceList = Record<string, string>;

/** Upstream: `SetDefaults_Pod` and what generated code calls below it. */
export function defaultPod(pod: Draft<Pod>): void {
  const spec = (pod.spec ??= {});
  defaultPodSpec(spec);
  for (const it of spec.containers ?? []) requestLimits(it);
  for (const it of spec.initContainers ?? []) requestLimits(it);
  if (spec.resources !== undefined) defaultPodResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork === true) {
    for (const it of spec.containers ?? []) hostPorts(it);
    for (const it of spec.initContainers ?? []) hostPorts(it);
  }
}

/** The defaults that a template has as well as a pod. */
export function defaultPodTemplate(template: Draft<PodTemplateSpec> | undefined): void {
  if (template === undefined) return;
  template.metadata ??= {};
  defaultPodSpec((template.spec ??= {}));
}

function defaultPodSpec(spec: Draft<PodSpec>): void {
  if (isEmpty(spec.dnsPolicy)) spec.dnsPolicy = "ClusterFirst";
  if (isEmpty(spec.restartPolicy)) spec.restartPolicy = "Always";
  if (isEmpty(spec.schedulerName)) spec.schedulerName = "default-scheduler";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  defaultServiceAccount(spec);
  if (spec.volumes !== undefined) for (const it of spec.volumes) defaultVolume(it);
  if (spec.initContainers !== undefined) {
    for (const it of spec.initContainers) defaultContainer(it);
  }
  for (const it of spec.containers ?? []) defaultContainer(it);
  if (spec.ephemeralContainers !== undefined) {
    for (const it of spec.ephemeralContainers) defaultContainer(it);
  }
  roundUp(spec.overhead);
}

// Two names of one field: the API always shows both. Upstream: Convert_v1_PodSpec_To_core_PodSpec.
function defaultServiceAccount(spec: Draft<PodSpec>): void {
  if (!isEmpty(spec.serviceAccountName)) spec.serviceAccount = spec.serviceAccountName;
  else if (!isEmpty(spec.serviceAccount)) spec.serviceAccountName = spec.serviceAccount;
}

function defaultContainer(container: Draft<Container> | Draft<EphemeralContainer>): void {
  if (isEmpty(container.imagePullPolicy)) {
    container.imagePullPolicy = defaultPullPolicy(container.image);
  }
  if (isEmpty(container.terminationMessagePath)) {
    container.terminationMessagePath = "/dev/termination-log";
  }
  if (isEmpty(container.terminationMessagePolicy)) container.terminationMessagePolicy = "File";
  const resources = (container.resources ??= {});
  roundUp(resources.limits);
  roundUp(resources.requests);
  if (container.ports !== undefined) {
    for (const it of container.ports) if (isEmpty(it.protocol)) it.protocol = "TCP";
  }
  if (container.env !== undefined) defaultEnv(container.env);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  if (container.lifecycle !== undefined) {
    defaultHandler(container.lifecycle.postStart);
    defaultHandler(container.lifecycle.preStop);
  }
}

function defaultEnv(env: Draft<NonNullable<Container["env"]>>): void {
  for (const it of env) {
    const field = it.valueFrom?.fieldRef;
    if (field !== undefined && isEmpty(field.apiVersion)) field.apiVersion = "v1";
    const file = it.valueFrom?.fileKeyRef;
    if (file !== undefined) file.optional ??= false;
    const resource = it.valueFrom?.resourceFieldRef;
    if (resource !== undefined && isEmpty(resource.divisor)) resource.divisor = "0";
  }
}

function defaultProbe(probe: Draft<Probe> | undefined): void {
  if (probe === undefined) return;
  if (isUnset(probe.timeoutSeconds)) probe.timeoutSeconds = 1;
  if (isUnset(probe.periodSeconds)) probe.periodSeconds = 10;
  if (isUnset(probe.successThreshold)) probe.successThreshold = 1;
  if (isUnset(probe.failureThreshold)) probe.failureThreshold = 3;
  if (probe.grpc !== undefined) probe.grpc.service ??= "";
  defaultHandler(probe);
}

function defaultHandler(handler: Pick<Draft<Probe>, "httpGet"> | undefined): void {
  const http = handler?.httpGet;
  if (http === undefined) return;
  if (isEmpty(http.path)) http.path = "/";
  if (isEmpty(http.scheme)) http.scheme = "HTTP";
}

/** A limit without a request is a request of as much. Pods only, never templates, as upstream. */
function requestLimits(container: Draft<Container>): void {
  const limits = container.resources?.limits;
  if (container.resources === undefined || limits === undefined) return;
  const requests = (container.resources.requests ??= {});
  for (const name of Object.keys(limits)) {
    const limit = limits[name];
    if (requests[name] === undefined && limit !== undefined) requests[name] = limit;
  }
}

function hostPorts(container: Draft<Container>): void {
  for (const it of container.ports ?? []) if (isUnset(it.hostPort)) it.hostPort = it.containerPort;
}

/** Upstream: `defaultHugePagePodLimits`, then `defaultPodRequests`. */
function defaultPodResources(spec: Draft<PodSpec>): void {
  const resources = spec.resources;
  if (resources === undefined) return;
  if (hasEntries(resources.limits) || hasEntries(resources.requests)) {
    defaultHugePages(spec, resources);
  }
  if (!hasEntries(resources.limits)) return;
  const requests = (resources.requests ??= {});
  for (const [name, amount] of totalOf(spec, "requests")) {
    if (isPodLevelResource(name) && !isHugePages(name)) requests[name] ??= amount.toString();
  }
  for (const name of Object.keys(resources.limits)) {
    const limit = resources.limits[name];
    if (isPodLevelResource(name) && limit !== undefined) requests[name] ??= limit;
  }
}

function defaultHugePages(
  spec: Draft<PodSpec>,
  resources: NonNullable<Draft<PodSpec>["resources"]>,
): void {
  for (const [name, amount] of totalOf(spec, "limits")) {
    if (!isHugePages(name) || resources.requests?.[name] !== undefined) continue;
    (resources.limits ??= {})[name] ??= amount.toString();
  }
}

function hasEntries(list: ResourceList | undefined): list is ResourceList {
  return list !== undefined && Object.keys(list).length > 0;
}

/** Amounts below a thousandth are rounded up to one. Upstream: `SetDefaults_ResourceList`. */
export function roundUp(list: ResourceList | undefined): void {
  if (list === undefined) return;
  for (const name of Object.keys(list)) {
    const text = list[name] ?? "";
    if (!text.endsWith("n") && !text.endsWith("u")) continue;
    const amount = findQuantity(text);
    if (amount !== undefined) {
      list[name] = quantityOfMillis(amount.milliValue(), amount.format).toString();
    }
  }
}

/** Absent or empty: what Go's zero string is on the wire. */
export function isEmpty(value: string | undefined): boolean {
  return value === undefined || value === "";
}

/** Absent or zero. */
export function isUnset(value: number | undefined): boolean {
  return value === undefined || value === 0;
}
