import type { Convert, Resource } from "#api/resource.ts";
import { toAutoscalerV1, toAutoscalerV2 } from "./autoscaling/conversion.ts";
import { toCoreV1, toEventsV1 } from "./events/conversion.ts";

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** Keys are `<plural> <from group>/<version> <to group>/<version>`. */
const conversions: Readonly<Record<string, Convert>> = {
  "events /v1 events.k8s.io/v1": toEventsV1,
  "events events.k8s.io/v1 /v1": toCoreV1,
  "horizontalpodautoscalers autoscaling/v1 autoscaling/v2": toAutoscalerV2,
  "horizontalpodautoscalers autoscaling/v2 autoscaling/v1": toAutoscalerV1,
};

/**
 * How objects of `from` become objects of another version of the kind. Undefined when there is
 * nothing to do, and for versions that we do not know.
 */
export function conversionOf(from: Resource, to: GroupVersion): Convert | undefined {
  return conversions[`${from.plural} ${textOf(from)} ${textOf(to)}`];
}

/** The way back: how objects of another version become objects of `to`. */
export function conversionTo(to: Resource, from: GroupVersion): Convert | undefined {
  return conversions[`${to.plural} ${textOf(from)} ${textOf(to)}`];
}

function textOf(it: GroupVersion): string {
  return `${it.group}/${it.version}`;
}
