import type { Resource } from "#api/resource.ts";
import * as cluster from "./cluster.ts";
import { core } from "./core.ts";
import * as workloads from "./workloads.ts";

/**
 * Every built-in kind of the stable groups of Kubernetes 1.36, in the order in which discovery
 * lists the groups. The first version of a group is its preferred one.
 */
export const builtinResources: readonly Resource[] = [
  ...core,
  ...workloads.apps,
  ...cluster.events,
  ...cluster.authentication,
  ...cluster.authorization,
  ...workloads.autoscaling,
  ...workloads.batch,
  ...cluster.certificates,
  ...cluster.networking,
  ...workloads.policy,
  ...cluster.rbac,
  ...cluster.storage,
  ...cluster.admissionRegistration,
  ...cluster.scheduling,
  ...cluster.coordination,
  ...cluster.node,
  ...cluster.discovery,
  ...cluster.flowControl,
  ...cluster.dynamicResources,
];

// Reversed: of several versions the first, preferred one is found.
const byPlural = new Map(
  builtinResources.toReversed().map((it) => [`${it.group}/${it.plural}`, it]),
);

/** A built-in kind by group and plural name, in its preferred version. @throws {Error} for a typo. */
export function builtin(group: string, plural: string): Resource {
  const found = byPlural.get(`${group}/${plural}`);
  if (found === undefined) throw new Error(`no built-in resource '${plural}' in group '${group}'`);
  return found;
}
