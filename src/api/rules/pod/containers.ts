import type {
  Container,
  ContainerPort,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
} from "#api/gen/types.ts";
import { dns1123LabelFaults, portNameFaults, portNumberFaults } from "#api/names.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { isEmpty } from "./defaults.ts";
import { checkEnv, checkEnvFrom } from "./env.ts";
import { checkDevices, checkMounts, type Volumes } from "./mounts.ts";
import { checkLifecycle, checkProbes } from "./probes.ts";
import { checkResizePolicies, checkResources } from "./resources.ts";
import { checkContainerSecurity } from "./security.ts";

/** What the containers of a pod are checked against. */
export interface PodView {
  readonly spec: Loose<PodSpec>;
  readonly volumes: Volumes;
  /** Names in `spec.resourceClaims`. */
  readonly claims: ReadonlySet<string>;
  /** False in a template: a pod is checked for more. */
  readonly isPod: boolean;
}

/** All three lists of containers of a pod. */
export function checkAllContainers(pod: PodView, at: Faults): void {
  const containers = pod.spec.containers ?? [];
  if (containers.length === 0) at.required("containers");
  const names = new Set<string>();
  for (const [i, it] of containers.entries()) {
    at.enter("containers", i);
    checkContainer(it, pod, at);
    checkUnique(it.name, names, at);
    checkRunning(it, pod, at);
    checkRestart(it, at);
    at.leave();
  }
  checkHostPorts("containers", containers, at);
  if (pod.spec.initContainers !== undefined) checkInitContainers(pod, names, at);
  if (pod.spec.ephemeralContainers !== undefined) checkEphemeralContainers(pod, names, at);
}

function checkUnique(name: string | undefined, names: Set<string>, at: Faults): void {
  if (name === undefined || name === "") return;
  if (names.has(name)) at.duplicate("name", name);
  names.add(name);
}

function checkRunning(container: Loose<Container>, pod: PodView, at: Faults): void {
  if (container.lifecycle !== undefined) {
    const grace = pod.spec.terminationGracePeriodSeconds;
    checkLifecycle(container.lifecycle, grace, pod.spec.os, at);
  }
  checkProbes(container, at);
}

function checkInitContainers(pod: PodView, names: Set<string>, at: Faults): void {
  const containers = pod.spec.initContainers ?? [];
  for (const [i, it] of containers.entries()) {
    at.enter("initContainers", i);
    checkContainer(it, pod, at);
    checkRestart(it, at);
    checkUnique(it.name, names, at);
    if (it.restartPolicy === "Always") checkRunning(it, pod, at);
    else checkNotRunning(it, at);
    at.leave();
    checkHostPorts("initContainers", [it], at);
  }
}

const runningFields = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const;

function checkNotRunning(container: Loose<Container>, at: Faults): void {
  for (const field of runningFields) {
    if (container[field] === undefined) continue;
    at.forbidden(field, "may not be set for init containers without restartPolicy=Always");
  }
  for (const [i, it] of (container.resizePolicy ?? []).entries()) {
    if (it.restartPolicy !== "RestartContainer") continue;
    const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
    at.invalid(`resizePolicy[${i}].restartPolicy`, it.restartPolicy, detail);
  }
}

const notForEphemeral = [
  "ports",
  "resources",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
] as const;

function checkEphemeralContainers(pod: PodView, names: Set<string>, at: Faults): void {
  const others = new Set(names);
  for (const [i, it] of (pod.spec.ephemeralContainers ?? []).entries()) {
    at.enter("ephemeralContainers", i);
    checkContainer(it, pod, at);
    checkUnique(it.name, names, at);
    const target = it.targetContainerName ?? "";
    if (target !== "" && !others.has(target)) at.notFound("targetContainerName", target);
    checkEphemeralFields(it, at);
    at.leave();
  }
}

function checkEphemeralFields(container: Loose<EphemeralContainer>, at: Faults): void {
  const detail = "cannot be set for an Ephemeral Container";
  for (const field of notForEphemeral) {
    const value = container[field];
    // Defaulting gives every container empty resources.
    const isSet = value !== undefined && Object.keys(value).length > 0;
    if (isSet) at.forbidden(field, detail);
  }
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    if (!isEmpty(mount.subPath)) at.forbidden(`volumeMounts[${i}].subPath`, detail);
    if (!isEmpty(mount.subPathExpr)) at.forbidden(`volumeMounts[${i}].subPathExpr`, detail);
  }
}

const messagePolicies = ["File", "FallbackToLogsOnError"];
const pullPolicies = ["Always", "IfNotPresent", "Never"];

/** What all containers share. Upstream: `validateContainerCommon`. */
function checkContainer(container: Loose<Container>, pod: PodView, at: Faults): void {
  const name = container.name ?? "";
  if (name === "") at.required("name");
  else at.invalidAll("name", name, dns1123LabelFaults(name));
  checkImage(container.image ?? "", pod.isPod, at);
  at.oneOf("terminationMessagePolicy", container.terminationMessagePolicy, messagePolicies);
  if (container.ports !== undefined) checkPorts(container.ports, at);
  if (container.env !== undefined) checkEnv(container.env, at);
  if (container.envFrom !== undefined) checkEnvFrom(container.envFrom, at);
  checkMounts(container, pod.volumes, at);
  checkDevices(container, pod.volumes, at);
  at.oneOf("imagePullPolicy", container.imagePullPolicy, pullPolicies);
  if (container.resources !== undefined) {
    at.enter("resources");
    checkResources(container.resources, pod.claims, at);
    at.leave();
  }
  if (container.resizePolicy !== undefined) {
    checkResizePolicies(container.resizePolicy, pod.spec.restartPolicy, at);
  }
  if (container.securityContext !== undefined) {
    checkContainerSecurity(container.securityContext, pod.spec.hostUsers !== false, at);
  }
}

function checkImage(image: string, isPod: boolean, at: Faults): void {
  if (image === "") at.required("image");
  else if (isPod && image.trim() !== image) {
    at.invalid("image", image, "must not have leading or trailing whitespace");
  }
}

/** Upstream sorts these. */
export const protocols = ["SCTP", "TCP", "UDP"];

function checkPorts(ports: readonly Loose<ContainerPort>[], at: Faults): void {
  const names = new Set<string>();
  for (const [i, it] of ports.entries()) {
    at.enter("ports", i);
    const name = it.name ?? "";
    if (name !== "") {
      const faults = portNameFaults(name);
      at.invalidAll("name", name, faults);
      if (faults.length === 0) checkUnique(name, names, at);
    }
    const port = it.containerPort ?? 0;
    if (port === 0) at.required("containerPort");
    else at.invalidAll("containerPort", port, portNumberFaults(port));
    const hostPort = it.hostPort ?? 0;
    if (hostPort !== 0) at.invalidAll("hostPort", hostPort, portNumberFaults(hostPort));
    at.oneOf("protocol", it.protocol, protocols);
    at.leave();
  }
}

function checkHostPorts(field: string, containers: readonly Loose<Container>[], at: Faults): void {
  let seen: Set<string> | undefined;
  for (const [i, container] of containers.entries()) {
    if (container.ports === undefined) continue;
    for (const [j, it] of container.ports.entries()) {
      const port = it.hostPort ?? 0;
      if (port === 0) continue;
      const key = `${it.protocol ?? ""}/${it.hostIP ?? ""}/${port}`;
      seen ??= new Set();
      if (seen.has(key)) at.duplicate(`${field}[${i}].ports[${j}].hostPort`, key);
      seen.add(key);
    }
  }
}

const restartPolicies = ["Always", "Never", "OnFailure"];
const restartActions = ["Restart", "RestartAllContainers"];
const restartRulesMax = 20;
const exitCodesMax = 255;

/** Upstream: `validateContainerRestartPolicy`. */
function checkRestart(container: Loose<Container>, at: Faults): void {
  const rules = container.restartPolicyRules ?? [];
  if (container.restartPolicy === undefined) {
    if (rules.length > 0) {
      at.required("restartPolicy", "must specify restartPolicy when restart rules are used");
    }
  } else {
    at.optionalOneOf("restartPolicy", container.restartPolicy, restartPolicies);
  }
  if (rules.length > restartRulesMax) {
    at.tooMany("restartPolicyRules", rules.length, restartRulesMax);
  }
  for (const [i, rule] of rules.entries()) {
    at.enter("restartPolicyRules", i);
    checkRestartRule(rule, at);
    at.leave();
  }
}

function checkRestartRule(rule: Loose<ContainerRestartRule>, at: Faults): void {
  at.optionalOneOf("action", rule.action ?? "", restartActions);
  if (rule.exitCodes === undefined) {
    at.required("exitCodes", "must be specified");
    return;
  }
  at.optionalOneOf("exitCodes.operator", rule.exitCodes.operator ?? "", ["In", "NotIn"]);
  const count = (rule.exitCodes.values ?? []).length;
  if (count > exitCodesMax) at.tooMany("exitCodes.values", count, exitCodesMax);
}
