import type { Container, Pod } from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const computeResources = ["cpu", "memory"] as const;

/**
 * The quality-of-service class that the pod's requests and limits of cpu and memory give it.
 * Upstream: `pkg/apis/core/v1/helper/qos/qos.go`.
 */
export function qosClass(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === "Guaranteed" || known === "Burstable" || known === "BestEffort") return known;
  const podLevel = pod.spec?.resources;
  const parts: Pick<Container, "resources">[] =
    podLevel === undefined
      ? [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
      : [{ resources: podLevel }];
  const isEmpty = parts.every((it) =>
    computeResources.every(
      (name) => amount(it, "requests", name) + amount(it, "limits", name) === 0,
    ),
  );
  if (isEmpty) return "BestEffort";
  return parts.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}

/** Limits of both resources are set, and the requests, where given, equal them. */
function isGuaranteed(part: Pick<Container, "resources">): boolean {
  return computeResources.every((name) => {
    const limit = amount(part, "limits", name);
    const request = amount(part, "requests", name);
    return limit > 0 && (request === 0 || request === limit);
  });
}

function amount(
  part: Pick<Container, "resources">,
  kind: "requests" | "limits",
  name: string,
): number {
  const text = part.resources?.[kind]?.[name];
  return text === undefined ? 0 : (findQuantity(text)?.milliValue() ?? 0);
}
