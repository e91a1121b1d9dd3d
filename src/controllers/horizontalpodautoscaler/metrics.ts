import type { PodUsage } from "./calculator.ts";
import { findQuantity } from "#api/quantity.ts";
import { podMetrics } from "#api/kinds/metrics.ts";
import { parseTime } from "#api/time.ts";
import type { KubernetesObject } from "#api/object.ts";
import type { ResourceOf } from "#client/resource-of.ts";
import { nameOf } from "#client/object-key.ts";

/** A `PodMetrics` of `metrics.k8s.io/v1beta1`. */
export interface PodMetrics extends KubernetesObject {
  readonly timestamp: string;
  readonly window: string;
  readonly containers: readonly {
    readonly name: string;
    readonly usage: Readonly<Record<string, string>>;
  }[];
}

export const podMetricsKind: ResourceOf<PodMetrics> = podMetrics;

/**
 * What each pod uses of a resource, by its name; pods of which a container says nothing are left out.
 * @param container undefined for all of a pod's containers.
 */
export function usagesOf(
  items: readonly PodMetrics[],
  resource: string,
  container: string | undefined,
): ReadonlyMap<string, PodUsage> {
  const found = new Map<string, PodUsage>();
  for (const item of items) {
    const wanted = item.containers.filter((it) => container === undefined || it.name === container);
    const amounts = wanted.map((it) => findQuantity(it.usage[resource] ?? "")?.milliValue());
    const known = amounts.filter((it) => it !== undefined);
    if (known.length === 0 || known.length < wanted.length) continue;
    found.set(nameOf(item), {
      millis: known.reduce((total, it) => total + it, 0),
      timeMs: parseTime(item.timestamp) ?? 0,
      windowMs: windowMs(item.window),
    });
  }
  return found;
}

/** `15s`, `1m0.5s` */
function windowMs(text: string): number {
  const [, minutes = "0", seconds = "0"] = /^(?:(\d+)m)?(?:([0-9.]+)s)?$/.exec(text) ?? [];
  return Number(minutes) * 60_000 + Number(seconds) * 1_000;
}
