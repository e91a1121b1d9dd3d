import type { Namespace, Node } from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";

/** A namespace carries its name as a label, so that selectors can name it. */
export function defaultNamespace(namespace: Draft<Namespace>): void {
  labelWithName(namespace);
  const status = (namespace.status ??= {});
  status.phase ||= "Active";
}

export function labelWithName(namespace: Draft<Namespace>): void {
  const metadata = (namespace.metadata ??= {});
  const name = metadata.name ?? "";
  if (name !== "") (metadata.labels ??= {})["kubernetes.io/metadata.name"] = name;
}

/** Upstream: `SetDefaults_NodeStatus`, and the conversion that keeps `podCIDR` first. */
export function defaultNode(node: Draft<Node>): void {
  const status = node.status;
  if (status?.capacity !== undefined) status.allocatable ??= { ...status.capacity };
  const spec = node.spec;
  if (spec === undefined) return;
  const first = spec.podCIDRs?.[0] ?? "";
  if ((spec.podCIDR ?? "") === "") {
    if (first !== "") spec.podCIDR = first;
  } else if (spec.podCIDR !== first) {
    spec.podCIDRs = [spec.podCIDR ?? ""];
  }
}
