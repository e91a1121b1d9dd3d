import type { Node } from "#api/gen/types.ts";

/**
 * What a node's allocatable amounts lack of the resources that others advertise by writing them into
 * its capacity; null: nobody advertises it any more. Undefined: nothing is to be written.
 * Upstream: `pkg/kubelet/nodestatus/setters.go` MachineInfo.
 */
export function advertisedChange({
  status = {},
}: Node): Readonly<Record<string, string | null>> | undefined {
  const { capacity = {}, allocatable = {} } = status;
  const change: Record<string, string | null> = {};
  for (const [name, amount] of Object.entries(capacity)) {
    if (isExtended(name) && allocatable[name] !== amount) change[name] = amount;
  }
  for (const name of Object.keys(allocatable)) {
    if (isExtended(name) && capacity[name] === undefined) change[name] = null;
  }
  return Object.keys(change).length === 0 ? undefined : change;
}

/** Names with a domain that is not Kubernetes' own. */
function isExtended(name: string): boolean {
  const [domain = "", rest] = name.split("/");
  return rest !== undefined && domain !== "kubernetes.io" && !domain.endsWith(".kubernetes.io");
}
