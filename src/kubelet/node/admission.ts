import type {
  ContainerPort,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
} from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";
import type { Verdict } from "#kubelet/pod/input.ts";
import { podRequests } from "#kubelet/pod/resources.ts";
import { unsupportedFeature } from "./pod-features.ts";

export interface AdmittingNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * Why the pod may not run on this node beside `others`; undefined: it may. The scheduler has
 * checked before, but with what it knew. Upstream: `pkg/kubelet/lifecycle/predicate.go`.
 */
export function admitPod(
  pod: Pod,
  node: AdmittingNode,
  others: readonly Pod[],
): Verdict | undefined {
  const unsupported = unsupportedFeature(pod);
  if (unsupported !== undefined) return unsupported;
  const shortage = resourceShortage(pod, node, others);
  if (shortage !== undefined) return shortage;
  if (!matchesNode(pod, node)) {
    return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  }
  const taken = others.flatMap(hostPorts);
  if (hostPorts(pod).some((want) => taken.some((it) => conflicts(it, want)))) {
    return predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  }
  return undefined;
}

function predicate(name: string, message: string): Verdict {
  return { reason: name, message: `Predicate ${name} failed: ${message}` };
}

function resourceShortage(
  pod: Pod,
  node: AdmittingNode,
  others: readonly Pod[],
): Verdict | undefined {
  const wanted = podRequests(pod);
  const used = others.map(podRequests);
  const sum = (of: (it: typeof wanted) => number): number =>
    used.reduce((all, it) => all + of(it), 0);
  const amounts: [name: string, requested: number, used: number, capacity: number][] = [
    ["pods", 1, others.length, amountOf(node, "pods")],
    ["cpu", wanted.cpuMillis, sum((it) => it.cpuMillis), amountOf(node, "cpu") * 1000],
    ["memory", wanted.memoryBytes, sum((it) => it.memoryBytes), amountOf(node, "memory")],
  ];
  const short = amounts.find(([, requested, inUse, capacity]) => {
    return requested > 0 && requested + inUse > capacity;
  });
  if (short === undefined) return undefined;
  const [name, requested, inUse, capacity] = short;
  const detail = `requested: ${requested}, used: ${inUse}, capacity: ${capacity}`;
  return {
    reason: `OutOf${name}`,
    message: `Node didn't have enough resource: ${name}, ${detail}`,
  };
}

function amountOf(node: AdmittingNode, name: string): number {
  const quantity = findQuantity(node.allocatable[name] ?? "0");
  return quantity === undefined ? 0 : quantity.milliValue() / 1000;
}

function matchesNode(pod: Pod, node: AdmittingNode): boolean {
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  if (selector.some(([key, value]) => node.labels[key] !== value)) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return required.nodeSelectorTerms.some((it) => matchesTerm(it, node));
}

/** A term without requirements matches nothing. */
function matchesTerm(term: NodeSelectorTerm, node: AdmittingNode): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((it) => matches(it, node.labels[it.key])) &&
    matchFields.every((it) => matches(it, it.key === "metadata.name" ? node.name : undefined))
  );
}

function matches(
  { operator, values = [] }: NodeSelectorRequirement,
  actual: string | undefined,
): boolean {
  switch (operator) {
    case "In":
      return actual !== undefined && values.includes(actual);
    case "NotIn":
      return actual === undefined || !values.includes(actual);
    case "Exists":
      return actual !== undefined;
    case "DoesNotExist":
      return actual === undefined;
    case "Gt":
      return actual !== undefined && Number(actual) > Number(values[0]);
    case "Lt":
      return actual !== undefined && Number(actual) < Number(values[0]);
    default:
      return false;
  }
}

function hostPorts(pod: Pod): ContainerPort[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const sidecars = initContainers.filter((it) => it.restartPolicy === "Always");
  const ports = [...containers, ...sidecars].flatMap((it) => it.ports ?? []);
  return ports.filter((it) => (it.hostPort ?? 0) > 0);
}

/** The same port of different addresses is not the same. */
function conflicts(one: ContainerPort, other: ContainerPort): boolean {
  if (one.hostPort !== other.hostPort) return false;
  if ((one.protocol ?? "TCP") !== (other.protocol ?? "TCP")) return false;
  const [left, right] = [addressOf(one), addressOf(other)];
  return left === right || left === anyAddress || right === anyAddress;
}

const anyAddress = "0.0.0.0";

function addressOf({ hostIP = "" }: ContainerPort): string {
  return hostIP === "" ? anyAddress : hostIP;
}
