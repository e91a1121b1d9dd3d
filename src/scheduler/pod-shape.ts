import type {
  Affinity,
  Container,
  LabelSelector as WireSelector,
  Pod,
  PodAffinity,
  PodAffinityTerm,
  PodSpec,
  Toleration,
} from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import {
  labelSelectorOf,
  selectorOf,
  type LabelRequirement,
  type LabelSelector,
} from "#api/selector/label.ts";
import { nodeTermOf, type NodeTerm } from "#api/selector/node.ts";
import { amountsOf, type Amounts } from "./amounts.ts";

/** Pods that a term speaks of, and the topology in which it counts them. */
export interface PodTerm {
  /** Names the term: equal keys count the same pods. */
  readonly key: string;
  readonly selector: LabelSelector;
  /** Undefined: every namespace. */
  readonly namespaces: ReadonlySet<string> | undefined;
  readonly topologyKey: string;
  /** Of preferred terms; 0 for required ones. */
  readonly weight: number;
}

export interface Spread {
  readonly term: PodTerm;
  readonly maxSkew: number;
  readonly required: boolean;
  readonly minDomains: number;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

export interface HostPort {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

/** What scheduling needs to know of a pod. Pods made from one template share it. */
export interface PodShape {
  /** Equal keys mean equal answers from every filter that looks at nodes alone. */
  readonly nodeKey: string;
  readonly amounts: Amounts;
  readonly nodeSelector: LabelSelector | undefined;
  /** Any term; undefined: all nodes. */
  readonly requiredNodes: readonly NodeTerm[] | undefined;
  readonly preferredNodes: readonly { readonly term: NodeTerm; readonly weight: number }[];
  readonly tolerations: readonly Toleration[];
  readonly hostPorts: readonly HostPort[];
  readonly spreads: readonly Spread[];
  readonly affinity: readonly PodTerm[];
  readonly antiAffinity: readonly PodTerm[];
  /** Preferred terms of both kinds; anti-affinity has a negative weight. */
  readonly preferredPods: readonly PodTerm[];
}

/** Namespaces by label, for terms with a namespace selector. */
export type NamespacesMatching = (selector: LabelSelector) => readonly string[];

/** Reads a pod's spec. @param namespacesMatching resolves namespace selectors as of now. */
export function shapeOf(pod: Pod, namespacesMatching: NamespacesMatching): PodShape {
  const { spec } = pod;
  const affinity: Affinity = spec?.affinity ?? {};
  const tolerations = spec?.tolerations ?? [];
  return {
    nodeKey: JSON.stringify([spec?.nodeSelector, affinity.nodeAffinity, tolerations]),
    amounts: amountsOf(spec, pod.status),
    ...nodeTermsOf(pod, affinity),
    tolerations,
    hostPorts: lastingContainers(spec).flatMap(hostPortsOf),
    spreads: spreadsOf(pod, pod.metadata?.namespace ?? ""),
    affinity: requiredPods(affinity.podAffinity, pod, namespacesMatching),
    antiAffinity: requiredPods(affinity.podAntiAffinity, pod, namespacesMatching),
    preferredPods: preferredPodsOf(pod, affinity, namespacesMatching),
  };
}

function nodeTermsOf(
  pod: Pod,
  affinity: Affinity,
): Pick<PodShape, "nodeSelector" | "requiredNodes" | "preferredNodes"> {
  const labels = pod.spec?.nodeSelector;
  const { nodeAffinity } = affinity;
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    nodeSelector: labels && labelSelectorOf({ matchLabels: { ...labels } }),
    requiredNodes: required?.nodeSelectorTerms.map(nodeTermOf),
    preferredNodes: preferred.map((it) => ({
      term: nodeTermOf(it.preference),
      weight: it.weight,
    })),
  };
}

function requiredPods(
  affinity: PodAffinity | undefined,
  pod: Pod,
  matching: NamespacesMatching,
): PodTerm[] {
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.map((it) => podTermOf(it, pod, matching, 0));
}

function preferredPodsOf(pod: Pod, affinity: Affinity, matching: NamespacesMatching): PodTerm[] {
  const near = affinity.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const apart = affinity.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...near.map((it) => podTermOf(it.podAffinityTerm, pod, matching, it.weight)),
    ...apart.map((it) => podTermOf(it.podAffinityTerm, pod, matching, -it.weight)),
  ];
}

function wireSelector(selector: WireSelector | undefined): LabelSelector {
  return labelSelectorOf(selector as JsonObject | undefined);
}

/** `matchLabelKeys` and its opposite narrow the selector by the incoming pod's own values. */
function withLabelKeys(
  selector: LabelSelector,
  pod: Pod,
  keys: { readonly match: readonly string[]; readonly mismatch: readonly string[] },
): LabelSelector {
  const labels = pod.metadata?.labels ?? {};
  const more: LabelRequirement[] = [];
  for (const key of keys.match) {
    const value = labels[key];
    if (value !== undefined) more.push({ key, operator: "in", values: [value] });
  }
  for (const key of keys.mismatch) {
    const value = labels[key];
    if (value !== undefined) more.push({ key, operator: "notin", values: [value] });
  }
  if (selector.nothing || more.length === 0) return selector;
  return selectorOf([...selector.requirements, ...more]);
}

function podTermOf(
  term: PodAffinityTerm,
  pod: Pod,
  matching: NamespacesMatching,
  weight: number,
): PodTerm {
  const keys = { match: term.matchLabelKeys ?? [], mismatch: term.mismatchLabelKeys ?? [] };
  const selector = withLabelKeys(wireSelector(term.labelSelector), pod, keys);
  const namespaces = namespacesOf(term, pod.metadata?.namespace ?? "", matching);
  const { topologyKey } = term;
  const names = namespaces === undefined ? "*" : [...namespaces].sort().join(",");
  const key = JSON.stringify([topologyKey, names, selector]);
  return { key, selector, namespaces, topologyKey, weight };
}

function namespacesOf(
  term: PodAffinityTerm,
  own: string,
  matching: NamespacesMatching,
): ReadonlySet<string> | undefined {
  const listed = term.namespaces ?? [];
  if (term.namespaceSelector === undefined) return new Set(listed.length === 0 ? [own] : listed);
  const selector = wireSelector(term.namespaceSelector);
  // An empty selector selects all, those made later too.
  if (!selector.nothing && selector.requirements.length === 0) return undefined;
  return new Set([...listed, ...matching(selector)]);
}

function spreadsOf(pod: Pod, namespace: string): Spread[] {
  return (pod.spec?.topologySpreadConstraints ?? []).map((it) => {
    const keys = { match: it.matchLabelKeys ?? [], mismatch: [] };
    const selector = withLabelKeys(wireSelector(it.labelSelector), pod, keys);
    const { topologyKey } = it;
    const key = JSON.stringify([topologyKey, namespace, selector]);
    const namespaces = new Set([namespace]);
    return {
      term: { key, selector, namespaces, topologyKey, weight: 0 },
      maxSkew: it.maxSkew,
      required: it.whenUnsatisfiable !== "ScheduleAnyway",
      minDomains: it.minDomains ?? 1,
      honorAffinity: it.nodeAffinityPolicy !== "Ignore",
      honorTaints: it.nodeTaintsPolicy === "Honor",
    };
  });
}

/** Those that run as long as the pod does. */
function lastingContainers(spec: PodSpec | undefined): Container[] {
  const sidecars = (spec?.initContainers ?? []).filter((it) => it.restartPolicy === "Always");
  return [...(spec?.containers ?? []), ...sidecars];
}

function hostPortsOf(container: Container): HostPort[] {
  return (container.ports ?? [])
    .filter((it) => (it.hostPort ?? 0) > 0)
    .map((it) => ({
      protocol: it.protocol ?? "TCP",
      ip: it.hostIP === undefined || it.hostIP === "" ? "0.0.0.0" : it.hostIP,
      port: it.hostPort ?? 0,
    }));
}
