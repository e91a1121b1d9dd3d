import type { Container, PodSpec } from "#api/gen/types.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";
import type { Loose } from "#api/rules/rules.ts";

type ResourceList = Readonly<Record<string, string>>;
export type Totals = Map<string, Quantity>;

/**
 * What the containers of a pod need together, by resource: the sum of the containers and of the
 * init containers that keep running, or the most that initialization needs at one time. Upstream:
 * `resourcehelper.AggregateContainerRequests` and `AggregateContainerLimits`.
 */
export function totalOf(spec: Loose<PodSpec>, kind: "requests" | "limits"): Totals {
  const total: Totals = new Map();
  for (const it of spec.containers ?? []) add(total, listOf(it, kind));
  const sidecars: Totals = new Map();
  const initialization: Totals = new Map();
  for (const it of spec.initContainers ?? []) {
    if (it.restartPolicy === "Always") {
      add(total, listOf(it, kind));
      add(sidecars, listOf(it, kind));
      raise(initialization, sidecars);
    } else {
      const step: Totals = new Map(sidecars);
      add(step, listOf(it, kind));
      raise(initialization, step);
    }
  }
  raise(total, initialization);
  return total;
}

function listOf(container: Loose<Container>, kind: "requests" | "limits"): ResourceList {
  return container.resources?.[kind] ?? {};
}

function add(total: Totals, list: ResourceList): void {
  for (const name of Object.keys(list)) {
    const amount = findQuantity(list[name] ?? "");
    if (amount === undefined) continue;
    total.set(name, total.get(name)?.add(amount) ?? amount);
  }
}

function raise(total: Totals, other: Totals): void {
  for (const [name, amount] of other) {
    const current = total.get(name);
    if (current === undefined || current.compare(amount) < 0) total.set(name, amount);
  }
}
