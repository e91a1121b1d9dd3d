import type { Container, Pod } from "#api/gen/types.ts";
import { findQuantity, type Quantity } from "#api/quantity.ts";

/** What the node knows of a pod that its spec does not say. */
export interface NodeFacts {
  readonly hostIps: readonly string[];
  readonly podIps: readonly string[];
  /** Amounts that count where a container has no limit: `cpu`, `memory`, `ephemeral-storage`. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * The text of a pod's field for an environment variable or a file of the downward API; undefined
 * for a path that is no such field. Upstream: `pkg/fieldpath/fieldpath.go`.
 */
export function podField(path: string, pod: Pod, facts: NodeFacts): string | undefined {
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript !== null) {
    const map = subscript[1] === "labels" ? pod.metadata?.labels : pod.metadata?.annotations;
    return map?.[subscript[2] ?? ""] ?? "";
  }
  const field = fields.get(path);
  return field === undefined ? undefined : (field(pod, facts) ?? "");
}

type Field = (pod: Pod, facts: NodeFacts) => string | undefined;

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["metadata.labels", (pod) => formatMap(pod.metadata?.labels ?? {})],
  ["metadata.annotations", (pod) => formatMap(pod.metadata?.annotations ?? {})],
  ["metadata.name", (pod) => pod.metadata?.name],
  ["metadata.namespace", (pod) => pod.metadata?.namespace],
  ["metadata.uid", (pod) => pod.metadata?.uid],
  ["spec.nodeName", (pod) => pod.spec?.nodeName],
  ["spec.serviceAccountName", (pod) => pod.spec?.serviceAccountName],
  ["status.hostIP", (_pod, facts) => facts.hostIps[0]],
  ["status.hostIPs", (_pod, facts) => facts.hostIps.join(",")],
  ["status.podIP", (_pod, facts) => facts.podIps[0]],
  ["status.podIPs", (_pod, facts) => facts.podIps.join(",")],
]);

/** One `key="value"` a line, sorted, the value quoted as Go quotes it. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

/**
 * The text of a container's resource, in units of `divisor` and rounded up; undefined for a name
 * that is none. What has no limit is given the node's. Upstream: `pkg/api/v1/resource/helpers.go`.
 */
export function containerResource(
  resource: string,
  divisor: string | undefined,
  container: Container,
  facts: NodeFacts,
): string | undefined {
  const [kind, ...rest] = resource.split(".");
  const name = rest.join(".");
  if ((kind !== "limits" && kind !== "requests") || name === "") return undefined;
  const own = container.resources?.[kind]?.[name];
  const fallback = kind === "limits" ? facts.allocatable[name] : undefined;
  const amount = findQuantity(own ?? fallback ?? "0");
  if (amount === undefined) return undefined;
  return String(divideUp(amount, findQuantity(divisor ?? "1"), name === "cpu"));
}

function divideUp(amount: Quantity, divisor: Quantity | undefined, isCpu: boolean): number {
  const unit = divisor === undefined || divisor.isZero() ? undefined : divisor;
  if (isCpu) return Math.ceil(amount.milliValue() / (unit?.milliValue() ?? 1000));
  return Math.ceil(amount.value() / (unit?.value() ?? 1));
}
