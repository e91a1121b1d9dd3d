import type { LabelSelector, NetworkPolicyPeer } from "#api/gen/types.ts";
import type { JsonObject } from "#api/object.ts";
import { labelSelectorOf, matchesLabels, type Labels } from "#api/selector/label.ts";
import { parseAddress, parseBlock, subtractRanges, type AddressRange } from "#proxy/ipv4.ts";
import { contentName } from "./content-name.ts";
import type { PolicyPod } from "./policy-pod.ts";

/** The pods that a peer of a policy selects; equal selections are one. */
export interface PodSelection {
  /** Name of the set that holds their addresses. */
  readonly set: string;
  readonly pods: readonly PolicyPod[];
}

/** Finds the pods of peers, each selection once. */
export class PeerPods {
  readonly #namespaces: ReadonlyMap<string, Labels>;
  readonly #pods = new Map<string, PolicyPod[]>();
  readonly #selections = new Map<string, PodSelection>();

  /** @param namespaces labels by name. */
  constructor(pods: readonly PolicyPod[], namespaces: ReadonlyMap<string, Labels>) {
    this.#namespaces = namespaces;
    for (const pod of pods) {
      const present = this.#pods.get(pod.namespace);
      if (present === undefined) this.#pods.set(pod.namespace, [pod]);
      else present.push(pod);
    }
  }

  in(namespace: string): readonly PolicyPod[] {
    return this.#pods.get(namespace) ?? [];
  }

  everywhere(): PolicyPod[] {
    return [...this.#pods.values()].flat();
  }

  /** Without a namespace selector a peer means the namespace of its policy. */
  select(namespace: string, peer: NetworkPolicyPeer): PodSelection {
    const { namespaceSelector, podSelector } = peer;
    const scope = namespaceSelector === undefined ? namespace : undefined;
    const set = contentName("peer", [scope, namespaceSelector, podSelector]);
    const present = this.#selections.get(set);
    if (present !== undefined) return present;
    const matches = selects(podSelector);
    const pods = this.#scope(scope, namespaceSelector)
      .flatMap((it) => this.in(it))
      .filter((it) => matches(it.labels));
    const selection = { set, pods };
    this.#selections.set(set, selection);
    return selection;
  }

  /** Whether a peer means this pod, which need not be among those that are known. */
  means(namespace: string, peer: NetworkPolicyPeer, pod: PolicyPod): boolean {
    if (peer.ipBlock !== undefined) {
      const address = parseAddress(pod.address) ?? -1;
      return blockRanges(peer.ipBlock).some((it) => it.first <= address && address <= it.last);
    }
    const { namespaceSelector, podSelector } = peer;
    const scope = namespaceSelector === undefined ? namespace : undefined;
    return (
      this.#scope(scope, namespaceSelector).includes(pod.namespace) &&
      selects(podSelector)(pod.labels)
    );
  }

  #scope(namespace: string | undefined, selector: LabelSelector | undefined): string[] {
    if (namespace !== undefined) return [namespace];
    const matches = selects(selector);
    return [...this.#namespaces].filter(([, labels]) => matches(labels)).map(([name]) => name);
  }
}

/** An absent selector selects all, as an empty one does. */
export function selects(selector: LabelSelector | undefined): (labels: Labels) => boolean {
  const parsed = labelSelectorOf((selector ?? {}) as JsonObject);
  return (labels) => matchesLabels(parsed, labels);
}

/** The IPv4 addresses of a block without its exceptions; none for an IPv6 block. */
export function blockRanges(
  block: NonNullable<NetworkPolicyPeer["ipBlock"]>,
): readonly AddressRange[] {
  const whole = parseBlock(block.cidr);
  if (whole === undefined) return [];
  const holes = (block.except ?? []).map(parseBlock).filter((it) => it !== undefined);
  return subtractRanges([whole], holes);
}
