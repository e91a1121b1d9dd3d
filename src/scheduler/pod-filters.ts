import type { NodeMask } from "./node-mask.ts";
import { fault } from "./node-mask.ts";
import type { PodIndex } from "./pod-index.ts";
import type { PodShape, Spread } from "./pod-shape.ts";
import { termMatches, type DomainCount, type PodIdentity } from "./topology.ts";

/** Messages as upstream's plugins word them; `kubectl describe` shows them. */
export const affinityFault = "node(s) didn't match pod affinity rules";
export const antiAffinityFault = "node(s) didn't match pod anti-affinity rules";
export const existingAntiAffinityFault = "node(s) didn't satisfy existing pods anti-affinity rules";
export const spreadFault = "node(s) didn't match pod topology spread constraints";
export const spreadLabelFault = `${spreadFault} (missing required label)`;

interface SpreadState {
  readonly count: DomainCount;
  /** The most pods that a domain may have for the incoming one to fit. */
  readonly countMax: number;
}

/** What the pods that run already mean for one incoming pod. */
export interface PodRules {
  /** Terms that must have a pod in the node's domain, unless nothing has yet. */
  readonly near: readonly DomainCount[];
  /** The first of its kind: affinity holds wherever the topology is known. */
  readonly nearIsOpen: boolean;
  readonly apart: readonly DomainCount[];
  readonly keptAway: readonly DomainCount[];
  readonly spreads: readonly SpreadState[];
}

export function podRulesOf(
  pod: PodIdentity,
  shape: PodShape,
  index: PodIndex,
  mask: NodeMask,
): PodRules {
  const near = shape.affinity.map((it) => index.matching(it));
  const required = shape.spreads.filter((it) => it.required);
  return {
    near,
    // interpodaffinity `satisfyPodAffinity`: a group's first pod may go anywhere.
    nearIsOpen:
      near.every((it) => it.total === 0) && shape.affinity.every((it) => termMatches(it, pod)),
    apart: shape.antiAffinity.map((it) => index.matching(it)),
    keptAway: index.antiAffinityAgainst(pod),
    spreads: required.map((it) => spreadState(pod, it, index.matching(it.term), mask)),
  };
}

/** True when there is nothing to ask: most pods. */
export function hasNoPodRules(rules: PodRules): boolean {
  const { near, apart, keptAway, spreads } = rules;
  return near.length + apart.length + keptAway.length + spreads.length === 0;
}

/** Why the node in `slot` is out; undefined when it fits. */
export function podFault(rules: PodRules, slot: number): string | undefined {
  for (const { count, countMax } of rules.spreads) {
    const domain = count.domains.of(slot);
    if (domain < 0) return spreadLabelFault;
    if ((count.counts[domain] ?? 0) > countMax) return spreadFault;
  }
  for (const count of rules.near) {
    const domain = count.domains.of(slot);
    if (domain < 0) return affinityFault;
    if (!rules.nearIsOpen && (count.counts[domain] ?? 0) === 0) return affinityFault;
  }
  if (occupied(rules.apart, slot)) return antiAffinityFault;
  return occupied(rules.keptAway, slot) ? existingAntiAffinityFault : undefined;
}

/** Upstream's name of the plugin whose fault it is. */
export function pluginOf(reason: string): string {
  return reason.startsWith(spreadFault) ? "PodTopologySpread" : "InterPodAffinity";
}

/** Whether the fault might be gone with some of the node's pods. */
export function isCausedByPods(reason: string): boolean {
  return reason !== affinityFault && reason !== spreadLabelFault;
}

function occupied(counts: readonly DomainCount[], slot: number): boolean {
  for (const count of counts) {
    const domain = count.domains.of(slot);
    if (domain >= 0 && (count.counts[domain] ?? 0) > 0) return true;
  }
  return false;
}

function spreadState(
  pod: PodIdentity,
  spread: Spread,
  count: DomainCount,
  mask: NodeMask,
): SpreadState {
  const seen = new Uint8Array(count.domains.size);
  const out =
    fault.gone |
    (spread.honorAffinity ? fault.affinity : 0) |
    (spread.honorTaints ? fault.taint : 0);
  let domains = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let slot = 0; slot < mask.faults.length; slot++) {
    if (((mask.faults[slot] ?? 0) & out) !== 0) continue;
    const domain = count.domains.of(slot);
    if (domain < 0 || seen[domain] === 1) continue;
    seen[domain] = 1;
    domains += 1;
    least = Math.min(least, count.counts[domain] ?? 0);
  }
  if (domains < spread.minDomains || least === Number.POSITIVE_INFINITY) least = 0;
  const self = termMatches(spread.term, pod) ? 1 : 0;
  return { count, countMax: spread.maxSkew + least - self };
}
