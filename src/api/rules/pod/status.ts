import type {
  ContainerRestartRule,
  ContainerStatus,
  Pod,
  PodSpec,
  PodStatus,
} from "#api/gen/types.ts";
import { dns1123SubdomainFaults, qualifiedNameFaults } from "#api/names.ts";
import { ipFaults, isDualStack } from "#api/rules/addresses.ts";
import { semanticEqual } from "#api/rules/equality.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Draft, Loose } from "#api/rules/rules.ts";

/** What the server keeps of the old status when a node writes a new one. */
export function preparePodStatus(next: Draft<Pod>, previous: Loose<Pod>): void {
  const status = (next.status ??= {});
  const old = previous.status ?? {};
  if (old.qosClass !== undefined) status.qosClass ||= old.qosClass;
  if (old.observedGeneration !== undefined) status.observedGeneration ||= old.observedGeneration;
  keepConditionGenerations(status, old);
  syncIps(status);
}

/** Upstream: `preserveOldObservedGeneration`. */
function keepConditionGenerations(status: Draft<PodStatus>, old: Loose<PodStatus>): void {
  for (const it of status.conditions ?? []) {
    if ((it.observedGeneration ?? 0) !== 0) continue;
    const before = (old.conditions ?? []).find((other) => other.type === it.type);
    if (before?.observedGeneration !== undefined) {
      it.observedGeneration = before.observedGeneration;
    }
  }
}

// `podIP` is the first of `podIPs`, and wins when they differ. Upstream: conversion of PodStatus.
function syncIps(status: Draft<PodStatus>): void {
  const first = status.podIPs?.[0]?.ip ?? "";
  if ((status.podIP ?? "") === "") {
    if (first !== "") status.podIP = first;
  } else if (status.podIP !== first) {
    status.podIPs = [{ ip: status.podIP }];
  }
}

/** Upstream: `ValidatePodStatusUpdate`. */
export function validatePodStatus(next: Loose<Pod>, previous: Loose<Pod>, at: Faults): void {
  const [status, old] = [next.status ?? {}, previous.status ?? {}];
  at.enter("status");
  checkConditions(status, at);
  checkNominated(next, previous, at);
  at.nonNegative("observedGeneration", status.observedGeneration);
  if (!semanticEqual(status.qosClass, old.qosClass)) {
    at.invalid("qosClass", status.qosClass, "field is immutable");
  }
  checkIps(status, at);
  checkRestarts("containerStatuses", next, previous, at);
  checkRestarts("initContainerStatuses", next, previous, at);
  checkRestarts("ephemeralContainerStatuses", next, previous, at);
  at.leave();
}

const systemConditions = new Set(["PodScheduled", "Ready", "Initialized"]);

function checkConditions(status: Loose<PodStatus>, at: Faults): void {
  for (const [i, it] of (status.conditions ?? []).entries()) {
    at.nonNegative(`conditions[${i}].observedGeneration`, it.observedGeneration);
    const type = it.type ?? "";
    if (systemConditions.has(type)) continue;
    at.invalidAll(`conditions[${i}].Type`, type, qualifiedNameFaults(type));
  }
}

function checkNominated(next: Loose<Pod>, previous: Loose<Pod>, at: Faults): void {
  const name = next.status?.nominatedNodeName ?? "";
  if (name === "" || name === previous.status?.nominatedNodeName) return;
  at.invalidAll("nominatedNodeName", name, dns1123SubdomainFaults(name));
  if ((previous.spec?.nodeName ?? "") !== "") {
    at.forbidden("nominatedNodeName", "may not be set on pods that are already bound to a node");
  }
}

function checkIps(status: Loose<PodStatus>, at: Faults): void {
  for (const list of ["podIPs", "hostIPs"] as const) {
    const ips = (status[list] ?? []).map((it) => it.ip ?? "");
    for (const [i, ip] of ips.entries()) at.invalidAll(`${list}[${i}]`, ip, ipFaults(ip));
    if (ips.length > 1 && !isDualStack(ips)) {
      at.invalid(list, status[list], "may specify no more than one IP for each IP family");
    }
  }
  const host = status.hostIPs?.[0]?.ip;
  if (host !== undefined && host !== status.hostIP) {
    at.invalid("hostIPs[0].ip", host, "must be equal to `hostIP`");
  }
}

type StatusList = "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses";

/** A container that has ended for good stays ended. */
function checkRestarts(list: StatusList, next: Loose<Pod>, previous: Loose<Pod>, at: Faults): void {
  const spec = previous.spec ?? {};
  for (const [i, before] of (previous.status?.[list] ?? []).entries()) {
    if (before.state?.terminated === undefined) continue;
    const now = (next.status?.[list] ?? []).find((it) => it.name === before.name);
    if (now === undefined || now.state?.terminated !== undefined) continue;
    if (list !== "ephemeralContainerStatuses" && mayRestart(list, before, spec)) continue;
    at.forbidden(`${list}[${i}].state`, "may not be transitioned to non-terminated state");
  }
}

/** Upstream: `podutil.ContainerShouldRestart`, and any container when one may restart all. */
function mayRestart(
  list: "containerStatuses" | "initContainerStatuses",
  status: Loose<ContainerStatus>,
  spec: Loose<PodSpec>,
): boolean {
  if (restartsAll(spec)) return true;
  const containers = list === "containerStatuses" ? spec.containers : spec.initContainers;
  const container = (containers ?? []).find((it) => it.name === status.name);
  const code = status.state?.terminated?.exitCode ?? 0;
  if ((container?.restartPolicyRules ?? []).some((it) => ruleMatches(it, code))) return true;
  const policy = container?.restartPolicy ?? spec.restartPolicy;
  return policy === "Always" || (policy === "OnFailure" && code !== 0);
}

function restartsAll(spec: Loose<PodSpec>): boolean {
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  return all.some((it) =>
    (it.restartPolicyRules ?? []).some((rule) => rule.action === "RestartAllContainers"),
  );
}

function ruleMatches(rule: Loose<ContainerRestartRule>, code: number): boolean {
  const isListed = (rule.exitCodes?.values ?? []).includes(code);
  return rule.exitCodes?.operator === "In" ? isListed : !isListed;
}
