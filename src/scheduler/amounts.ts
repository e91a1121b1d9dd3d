import type { Container, PodSpec } from "#api/gen/types.ts";
import { parseQuantity } from "#api/quantity.ts";

/** Amounts by resource name: thousandths for `cpu`, bytes for `memory`, pieces for others. */
export interface Amounts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  /** As scoring counts a container that asks for nothing; upstream `GetNonzeroRequests`. */
  readonly scoredCpuMillis: number;
  readonly scoredMemoryBytes: number;
  /** Extended resources, huge pages. */
  readonly others: ReadonlyMap<string, number>;
}

const scoredCpuMillis = 100;
const scoredMemoryBytes = 200 * 1_048_576;

type Counted = Map<string, number>;

/**
 * What a pod takes of its node: the sum of its containers and sidecars, or the most that one of its
 * init containers needs beside the sidecars started before it, and the overhead of its runtime.
 * Upstream: `component-helpers/resource/helpers.go` PodRequests.
 */
export function amountsOf(spec: PodSpec | undefined): Amounts {
  const plain = requestsOf(spec, false);
  const scored = requestsOf(spec, true);
  const others = new Map(plain);
  for (const name of ["cpu", "memory", "ephemeral-storage"]) others.delete(name);
  return {
    cpuMillis: plain.get("cpu") ?? 0,
    memoryBytes: plain.get("memory") ?? 0,
    ephemeralBytes: plain.get("ephemeral-storage") ?? 0,
    scoredCpuMillis: scored.get("cpu") ?? 0,
    scoredMemoryBytes: scored.get("memory") ?? 0,
    others,
  };
}

function requestsOf(spec: PodSpec | undefined, scored: boolean): Counted {
  const total: Counted = new Map();
  for (const container of spec?.containers ?? []) add(total, containerRequests(container, scored));
  const sidecars: Counted = new Map();
  const peak: Counted = new Map();
  for (const container of spec?.initContainers ?? []) {
    const own = containerRequests(container, scored);
    if (container.restartPolicy === "Always") {
      add(total, own);
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      add(own, sidecars);
      raise(peak, own);
    }
  }
  raise(total, peak);
  // What the pod asks for as a whole takes the place of what its containers ask for.
  for (const [name, value] of amountsIn(spec?.resources?.requests)) total.set(name, value);
  add(total, amountsIn(spec?.overhead));
  return total;
}

function containerRequests(container: Container, scored: boolean): Counted {
  const requests = amountsIn(container.resources?.requests);
  if (scored) {
    if (!requests.has("cpu")) requests.set("cpu", scoredCpuMillis);
    if (!requests.has("memory")) requests.set("memory", scoredMemoryBytes);
  }
  return requests;
}

function amountsIn(quantities: Readonly<Record<string, string>> = {}): Counted {
  return new Map(Object.entries(quantities).map(([name, text]) => [name, amount(name, text)]));
}

function amount(name: string, text: string): number {
  const quantity = parseQuantity(text);
  return name === "cpu" ? quantity.milliValue() : quantity.value();
}

function add(to: Counted, more: ReadonlyMap<string, number>): void {
  for (const [name, value] of more) to.set(name, (to.get(name) ?? 0) + value);
}

function raise(to: Counted, least: ReadonlyMap<string, number>): void {
  for (const [name, value] of least) to.set(name, Math.max(to.get(name) ?? 0, value));
}
