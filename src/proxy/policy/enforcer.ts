import type { Namespace, NetworkPolicy, Node, Pod } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Informer } from "#client/informer.ts";
import type { Informers } from "#client/informers.ts";
import { namespaces, networkPolicies, nodes } from "#client/kinds.ts";
import { keyOf, nameOf } from "#client/object-key.ts";
import type { Fragment } from "#proxy/nft/fragment.ts";
import type { Nft } from "#proxy/nft/nft.ts";
import { NftTable } from "#proxy/nft/table.ts";
import { watchPods } from "#proxy/watched-pods.ts";
import { admissionKey, type PodAdmission } from "./admission.ts";
import { policyBaseRules } from "./base-rules.ts";
import { planPolicies } from "./plan.ts";
import { policyPod, policyPodAt, type PolicyPod } from "./policy-pod.ts";

export interface PolicyEnforcerOptions {
  readonly informers: Informers;
  readonly nodeName: string;
  /** Of the service of the cluster's DNS. */
  readonly dnsAddress: string;
  /** Name of the nftables table; one a node. */
  readonly table: string;
  readonly nft: Nft;
  readonly admission: PodAdmission;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps a node's rules as the network policies are, until the signal aborts. The rules stay then, so
 * that nothing opens while the program is away.
 */
export async function runPolicyEnforcer(
  options: PolicyEnforcerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { informers, nodeName, table, nft, admission, clock, log } = options;
  const watched: Watched = {
    policies: informers.of(networkPolicies),
    pods: watchPods(informers),
    namespaces: informers.of(namespaces),
    node: informers.of(nodes, { fieldSelector: `metadata.name=${nodeName}` }),
  };
  await Promise.all(Object.values(watched).map((it: Synced) => it.synced(signal)));
  let planned: ReadonlySet<string> = new Set();
  const rules = new NftTable({
    table: { name: table, base: policyBaseRules },
    nft,
    clock,
    log,
    plan: (ledger) => {
      const present = podsOf(watched, admission);
      planned = new Set(present.map((it) => admissionKey(it.key, it.address)));
      ledger.put(owner, plan(watched, present, options));
    },
    applied: () => {
      admission.admitted(planned);
      return Promise.resolve();
    },
  });
  const touch = (): void => {
    rules.touch();
  };
  const unsubscribes = subscribe(watched, admission, touch);
  const needsRules = (): boolean => watched.policies.size > 0;
  admission.follow({ needsRules, touch });
  await rules.run(signal);
  admission.follow(undefined);
  for (const unsubscribe of unsubscribes) unsubscribe();
}

/** With addresses from the API, or before it knows them from who made the pod. */
function podsOf(watched: Watched, admission: PodAdmission): PolicyPod[] {
  if (watched.policies.size === 0) return [];
  return watched.pods.list().flatMap((pod) => {
    const told = policyPod(pod);
    const address = admission.pending.get(keyOf(pod));
    if (address === undefined || address === told?.address) return told ?? [];
    return policyPodAt(pod, address);
  });
}

interface Synced {
  synced(signal: AbortSignal): Promise<void>;
}

interface Watched {
  readonly policies: Informer<NetworkPolicy>;
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
  readonly node: Informer<Node>;
}

/** The table's only owner. */
const owner = "policies";

function plan(
  watched: Watched,
  present: readonly PolicyPod[],
  { nodeName, dnsAddress }: Pick<PolicyEnforcerOptions, "nodeName" | "dnsAddress">,
): Fragment {
  return planPolicies({
    policies: watched.policies.list(),
    pods: present,
    namespaces: new Map(
      watched.namespaces.list().map((it) => [nameOf(it), it.metadata?.labels ?? {}]),
    ),
    nodeName,
    nodeRange: watched.node.get(nodeName)?.spec?.podCIDR,
    dnsAddress,
  });
}

/** Heartbeats and the like change no rule, and without policies nothing does. */
function subscribe(watched: Watched, admission: PodAdmission, touch: () => void): (() => void)[] {
  function touchIf(concerns: boolean): void {
    if (concerns && watched.policies.size > 0) touch();
  }
  return [
    watched.policies.subscribe(touch),
    watched.pods.subscribe(({ key, previous, current }) => {
      if (current === undefined || isTold(current, admission.pending.get(key))) {
        admission.forget(key);
      }
      const isNew = previous === undefined && admission.pending.has(key);
      touchIf(isNew || podText(previous) !== podText(current));
    }),
    watched.namespaces.subscribe(({ previous, current }) => {
      touchIf(labelText(previous) !== labelText(current));
    }),
    watched.node.subscribe(({ previous, current }) => {
      touchIf(previous?.spec?.podCIDR !== current?.spec?.podCIDR);
    }),
  ];
}

/** A pod that has ended has no address that counts, whatever was announced before. */
function isTold(pod: Pod, address: string | undefined): boolean {
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed") return true;
  return address !== undefined && policyPod(pod)?.address === address;
}

function podText(pod: Pod | undefined): string {
  const view = pod === undefined ? undefined : policyPod(pod);
  return view === undefined ? "" : JSON.stringify([view, [...view.namedPorts]]);
}

function labelText(namespace: Namespace | undefined): string {
  return namespace === undefined ? "" : JSON.stringify(namespace.metadata?.labels ?? {});
}
