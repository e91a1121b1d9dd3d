import type { NetworkPolicy } from "#api/gen/types.ts";
import type { Labels } from "#api/selector/label.ts";
import { keyOf, namespaceOf } from "#client/object-key.ts";
import { FragmentBuilder, type Fragment } from "#proxy/nft/fragment.ts";
import { policySets } from "./base-rules.ts";
import { contentName } from "./content-name.ts";
import { dnsRules } from "./dns-rules.ts";
import { PeerPods, selects } from "./peers.ts";
import type { PolicyPod } from "./policy-pod.ts";
import { allow, allowRules, type Direction } from "./rules.ts";

export interface PolicyInput {
  readonly policies: readonly NetworkPolicy[];
  /** All pods of the cluster that have an address. */
  readonly pods: readonly PolicyPod[];
  /** Labels of the namespaces by name. */
  readonly namespaces: ReadonlyMap<string, Labels>;
  readonly nodeName: string;
  /** Addresses of the node's pods; undefined while it has none. */
  readonly nodeRange: string | undefined;
  /** Of the service of the cluster's DNS. */
  readonly dnsAddress: string;
}

/**
 * The rules of one node for all network policies. A pod that a policy selects is left only what its
 * policies allow together; pods with the same rules share a chain, and equal selections of pods share
 * a set, so that a pod that comes or goes changes elements only.
 */
export function planPolicies(input: PolicyInput): Fragment {
  const out = new FragmentBuilder();
  if (input.policies.length === 0) return out;
  if (input.nodeRange !== undefined) out.element(policySets.guarded, input.nodeRange);
  const pods = new PeerPods(input.pods, input.namespaces);
  const with_ = { pods, out, dnsAddress: input.dnsAddress };
  const policies = policiesByNamespace(input.policies);
  for (const pod of input.pods) {
    if (pod.nodeName !== input.nodeName) continue;
    out.element(policySets.known, pod.address);
    const selecting = (policies.get(pod.namespace) ?? []).filter((it) => it.selects(pod.labels));
    const inward = chainFor("in", pod, selecting, with_);
    const outward = chainFor("out", pod, selecting, with_);
    if (inward === undefined && outward === undefined) continue;
    out.element(policySets.self, `${pod.address} . ${pod.address}`);
    if (inward !== undefined) out.element(policySets.inward, pod.address, `jump ${inward}`);
    if (outward !== undefined) out.element(policySets.outward, pod.address, `jump ${outward}`);
  }
  return out;
}

interface PolicyView {
  readonly policy: NetworkPolicy;
  readonly directions: ReadonlySet<Direction>;
  readonly selects: (labels: Labels) => boolean;
}

/** In an order of their own, so that the same policies always make the same chain. */
function policiesByNamespace(policies: readonly NetworkPolicy[]): Map<string, PolicyView[]> {
  const found = new Map<string, PolicyView[]>();
  for (const policy of policies.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const namespace = namespaceOf(policy);
    const view = {
      policy,
      directions: directionsOf(policy),
      selects: selects(policy.spec?.podSelector),
    };
    const present = found.get(namespace);
    if (present === undefined) found.set(namespace, [view]);
    else present.push(view);
  }
  return found;
}

/** Without types a policy is about what comes in, and about what goes out if it has rules for it. */
function directionsOf({ spec = {} }: NetworkPolicy): ReadonlySet<Direction> {
  const standard = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
  const types = (spec.policyTypes ?? []).length > 0 ? (spec.policyTypes ?? []) : standard;
  return new Set(types.map((it): Direction => (it === "Egress" ? "out" : "in")));
}

/** Name of the chain that decides about the pod's traffic; undefined when all of it is allowed. */
function chainFor(
  direction: Direction,
  pod: PolicyPod,
  selecting: readonly PolicyView[],
  with_: {
    readonly pods: PeerPods;
    readonly out: FragmentBuilder;
    readonly dnsAddress: string;
  },
): string | undefined {
  const concerned = selecting.filter((it) => it.directions.has(direction));
  if (concerned.length === 0) return undefined;
  const { pods, out, dnsAddress } = with_;
  const rules = concerned.flatMap(({ policy }) => {
    const common = { direction, namespace: namespaceOf(policy), pod };
    const { ingress = [], egress = [] } = policy.spec ?? {};
    const listed =
      direction === "in"
        ? ingress.map((it) => ({ ...common, peers: it.from, ports: it.ports }))
        : egress.map((it) => ({ ...common, peers: it.to, ports: it.ports }));
    return listed.flatMap((it) => [
      ...allowRules(it, pods, out),
      ...dnsRules(it, pods, dnsAddress),
    ]);
  });
  if (rules.includes(allow)) return undefined;
  const content = [...new Set(rules), "drop"];
  const chain = contentName(direction, content);
  out.chains.set(chain, content);
  return chain;
}
