import type {
  Container,
  ContainerStatus,
  Pod,
  PodSpec,
  PodStatus,
  ResourceRequirements,
} from "#api/gen/types.ts";
import type { Quantity } from "#api/quantity.ts";
import { isPodLevelResource } from "#api/rules/pod/resource-names.ts";
import { totalOf } from "#api/rules/pod/totals.ts";
import type { Loose } from "#api/rules/rules.ts";
import { amountsIn, listOf, type Amounts, type ResourceList } from "./amounts.ts";

type Statuses = ReadonlyMap<string, Loose<ContainerStatus>>;

/** What a pod needs as a whole. */
export interface PodAmounts {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/**
 * What a pod takes: of its spec or, while it is being resized, the most of what it has and shall
 * have; with the overhead of its runtime. Upstream: component-helpers `resource.PodRequests` and
 * `PodLimits` with `UseStatusResources`.
 */
export function podAmounts({ spec = {}, status = {} }: Loose<Pod>): PodAmounts {
  const effective = effectiveSpec(spec, status);
  const requests = totalOf(effective, "requests");
  const limits = totalOf(effective, "limits");
  setPodLevel(requests, spec.resources?.requests);
  setPodLevel(limits, spec.resources?.limits);
  for (const [name, amount] of amountsIn(spec.overhead)) {
    requests.set(name, requests.get(name)?.add(amount) ?? amount);
    const limit = limits.get(name);
    if (limit !== undefined && !limit.isZero()) limits.set(name, limit.add(amount));
  }
  return { requests, limits };
}

function setPodLevel(amounts: Map<string, Quantity>, list: ResourceList | undefined): void {
  for (const [name, amount] of amountsIn(list)) {
    if (isPodLevelResource(name)) amounts.set(name, amount);
  }
}

/** The containers with what they really take in place of what their spec says. */
function effectiveSpec(spec: Loose<PodSpec>, status: Loose<PodStatus>): Loose<PodSpec> {
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  if (all.every((it) => it.resources === undefined)) return spec;
  const statuses: Statuses = new Map(all.map((it) => [it.name ?? "", it]));
  const stays = (status.conditions ?? []).some(
    (it) => it.type === "PodResizePending" && it.reason === "Infeasible",
  );
  return {
    containers: (spec.containers ?? []).map((it) => effectiveContainer(it, statuses, stays)),
    initContainers: (spec.initContainers ?? []).map((it) =>
      it.restartPolicy === "Always" ? effectiveContainer(it, statuses, stays) : it,
    ),
  };
}

/** `stays` when the node has said that it cannot do what the spec asks for. */
function effectiveContainer(
  container: Loose<Container>,
  statuses: Statuses,
  stays: boolean,
): Loose<Container> {
  const status = statuses.get(container.name ?? "");
  if (status?.resources === undefined) return container;
  const actual = status.resources;
  const allocated = status.allocatedResources;
  const wanted: Loose<ResourceRequirements> = stays ? {} : (container.resources ?? {});
  const { restartPolicy } = container;
  return {
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    resources: {
      requests: greatest([wanted.requests, actual.requests, allocated]),
      limits: greatest([wanted.limits, actual.limits]),
    },
  };
}

function greatest(lists: readonly (ResourceList | undefined)[]): Record<string, string> {
  const most = new Map(amountsIn(lists[0]));
  for (const list of lists.slice(1)) {
    for (const [name, amount] of amountsIn(list)) {
      const current = most.get(name);
      if (current === undefined || current.compare(amount) < 0) most.set(name, amount);
    }
  }
  return listOf(most);
}
