import type { Container, PodSpec, PodStatus } from "#api/gen/types.ts";
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
 *
 * @param status of a pod on its node, where a resize may not be done yet.
 */
export function amountsOf(spec: PodSpec | undefined, status?: PodStatus): Amounts {
  const granted = grantedBy(status);
  const plain = requestsOf(spec, granted, false);
  const scored = requestsOf(spec, granted, true);
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

function requestsOf(spec: PodSpec | undefined, granted: Granted, scored: boolean): Counted {
  const total: Counted = new Map();
  for (const container of spec?.containers ?? []) {
    add(total, containerRequests(container, granted, scored));
  }
  const sidecars: Counted = new Map();
  const peak: Counted = new Map();
  for (const container of spec?.initContainers ?? []) {
    const own = containerRequests(container, granted, scored);
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

/** What containers have, by their names, of pods that are being resized or were. */
interface Granted {
  readonly byContainer: ReadonlyMap<string, Counted>;
  /** The node will never grant what the pod asks for. */
  readonly isFinal: boolean;
}

function grantedBy({
  containerStatuses = [],
  initContainerStatuses = [],
  ...status
}: PodStatus = {}) {
  const byContainer = new Map<string, Counted>();
  for (const it of [...containerStatuses, ...initContainerStatuses]) {
    const amounts = amountsIn(it.resources?.requests);
    raise(amounts, amountsIn(it.allocatedResources));
    if (amounts.size > 0) byContainer.set(it.name, amounts);
  }
  const pending = status.conditions?.find((it) => it.type === "PodResizePending");
  return { byContainer, isFinal: pending?.status === "True" && pending.reason === "Infeasible" };
}

/** What a container asks for or still has, whichever is more. */
function containerRequests(container: Container, granted: Granted, scored: boolean): Counted {
  const present = granted.byContainer.get(container.name);
  const asked = amountsIn(container.resources?.requests);
  const requests = granted.isFinal && present !== undefined ? new Map(present) : asked;
  if (present !== undefined) raise(requests, present);
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
