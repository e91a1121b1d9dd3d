import { isJsonObject, type Json, type JsonObject } from "#api/object.ts";
import { defaultMetrics } from "./defaults.ts";

/**
 * The two shapes of an autoscaler. `autoscaling/v1` knows one metric, the use of CPU; the others,
 * the behavior and the conditions ride along in annotations, so that nothing is lost on the way to
 * v1 and back. Upstream: `pkg/apis/autoscaling/v1/conversion.go`.
 */

const carriers = {
  metrics: "autoscaling.alpha.kubernetes.io/metrics",
  currentMetrics: "autoscaling.alpha.kubernetes.io/current-metrics",
  behavior: "autoscaling.alpha.kubernetes.io/behavior",
  conditions: "autoscaling.alpha.kubernetes.io/conditions",
} as const;

/** A new object in the shape of `autoscaling/v1`. */
export function toAutoscalerV1(it: JsonObject): JsonObject {
  const [spec, status] = [objectAt(it, "spec"), objectAt(it, "status")];
  const { metrics, behavior, ...plainSpec } = spec;
  const { currentMetrics, conditions, ...plainStatus } = status;
  const wanted = objectsOf(metrics);
  const others = wanted.filter((metric) => cpuUse(metric, "target") === undefined);
  const target = wanted.map((metric) => cpuUse(metric, "target")).find((use) => use !== undefined);
  const current = objectsOf(currentMetrics)
    .map((metric) => cpuUse(metric, "current"))
    .findLast((use) => use !== undefined);
  const carried: [string, Json | undefined][] = [
    [carriers.metrics, listOrNone(others.map((metric) => toOldMetric(metric, specForm)))],
    [
      carriers.currentMetrics,
      listOrNone(objectsOf(currentMetrics).map((metric) => toOldMetric(metric, statusForm))),
    ],
    [carriers.behavior, behavior === undefined ? undefined : renamedKeys(behavior, upperFirst)],
    [carriers.conditions, listOrNone(objectsOf(conditions))],
  ];
  return {
    ...it,
    apiVersion: "autoscaling/v1",
    ...withAnnotations(it, carried),
    spec: { ...plainSpec, ...field("targetCPUUtilizationPercentage", target) },
    ...(it["status"] === undefined
      ? {}
      : { status: { ...plainStatus, ...field("currentCPUUtilizationPercentage", current) } }),
  };
}

/** A new object in the shape of `autoscaling/v2`. */
export function toAutoscalerV2(it: JsonObject): JsonObject {
  const [spec, status] = [objectAt(it, "spec"), objectAt(it, "status")];
  const { targetCPUUtilizationPercentage: target, ...plainSpec } = spec;
  const { currentCPUUtilizationPercentage: current, ...plainStatus } = status;
  const annotations = objectAt(objectAt(it, "metadata"), "annotations");
  const metrics = [
    ...objectsOf(carried(annotations, carriers.metrics)).map((m) => toNewMetric(m, specForm)),
    ...(target === undefined ? [] : [cpuTarget(target)]),
  ];
  const behavior = carried(annotations, carriers.behavior);
  const currentMetrics = carried(annotations, carriers.currentMetrics);
  const shown =
    currentMetrics === undefined
      ? current === undefined
        ? []
        : [cpuCurrent(current)]
      : objectsOf(currentMetrics).map((metric) => toNewMetric(metric, statusForm));
  const conditions = objectsOf(carried(annotations, carriers.conditions));
  return {
    ...it,
    apiVersion: "autoscaling/v2",
    ...withAnnotations(it, []),
    spec: {
      ...plainSpec,
      metrics: metrics.length === 0 ? defaultMetrics() : metrics,
      ...field("behavior", isJsonObject(behavior) ? renamedKeys(behavior, lowerFirst) : undefined),
    },
    ...(it["status"] === undefined
      ? {}
      : {
          status: {
            ...plainStatus,
            ...field("currentMetrics", listOrNone(shown)),
            ...field("conditions", listOrNone(conditions)),
          },
        }),
  };
}

/** How the old version spells the parts of a metric, by source. */
interface Form {
  /** What holds the amounts in the new version. */
  readonly holder: "target" | "current";
  readonly amounts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The amount that the old version always writes, as zero when there is none. */
  readonly always: Readonly<Record<string, string>>;
}

const ofPod = {
  averageUtilization: "targetAverageUtilization",
  averageValue: "targetAverageValue",
};
const ofPodNow = {
  averageUtilization: "currentAverageUtilization",
  averageValue: "currentAverageValue",
};

const specForm: Form = {
  holder: "target",
  amounts: {
    resource: ofPod,
    containerResource: ofPod,
    pods: { averageValue: "targetAverageValue" },
    object: { value: "targetValue", averageValue: "averageValue" },
    external: { value: "targetValue", averageValue: "targetAverageValue" },
  },
  always: { pods: "averageValue", object: "value" },
};

const statusForm: Form = {
  holder: "current",
  amounts: {
    resource: ofPodNow,
    containerResource: ofPodNow,
    pods: { averageValue: "currentAverageValue" },
    object: { value: "currentValue", averageValue: "averageValue" },
    external: { value: "currentValue", averageValue: "currentAverageValue" },
  },
  always: {
    resource: "averageValue",
    containerResource: "averageValue",
    pods: "averageValue",
    object: "value",
    external: "value",
  },
};

function toOldMetric(metric: JsonObject, form: Form): JsonObject {
  const old: JsonObject = { type: metric["type"] ?? "" };
  for (const [source, amounts] of Object.entries(form.amounts)) {
    const from = metric[source];
    if (!isJsonObject(from)) continue;
    const identity = objectAt(from, "metric");
    const to: JsonObject = {
      ...field("name", from["name"]),
      ...field("container", from["container"]),
      ...field("target", from["describedObject"]),
      ...field("metricName", identity["name"]),
      ...field(selectorName(source), identity["selector"]),
    };
    const holder = objectAt(from, form.holder);
    for (const [name, oldName] of Object.entries(amounts)) {
      const amount = holder[name] ?? (form.always[source] === name ? "0" : undefined);
      Object.assign(to, field(oldName, amount));
    }
    old[source] = to;
  }
  return old;
}

function toNewMetric(old: JsonObject, form: Form): JsonObject {
  const metric: JsonObject = { type: old["type"] ?? "" };
  for (const [source, amounts] of Object.entries(form.amounts)) {
    const from = old[source];
    if (!isJsonObject(from)) continue;
    const holder: JsonObject = {};
    for (const [name, oldName] of Object.entries(amounts)) {
      Object.assign(holder, field(name, from[oldName]));
    }
    if (form.holder === "target") completeTarget(holder, source);
    const identity: JsonObject = {
      ...field("name", from["metricName"]),
      ...field("selector", from[selectorName(source)]),
    };
    metric[source] = {
      ...field("name", from["name"]),
      ...field("container", from["container"]),
      ...field("describedObject", from["target"]),
      ...(Object.keys(identity).length === 0 ? {} : { metric: identity }),
      [form.holder]: holder,
    };
  }
  return metric;
}

/** Gives a target its type, which the old version did not have. */
function completeTarget(target: JsonObject, source: string): void {
  // The old version cannot leave out the value of an object metric, and writes zero.
  if (source === "object" && target["averageValue"] !== undefined && target["value"] === "0") {
    Reflect.deleteProperty(target, "value");
  }
  const byValue =
    source === "object" ? target["averageValue"] === undefined : target["value"] !== undefined;
  if (target["averageUtilization"] !== undefined) target["type"] = "Utilization";
  else target["type"] = byValue ? "Value" : "AverageValue";
}

function selectorName(source: string): string {
  return source === "external" ? "metricSelector" : "selector";
}

/** The percentage of a metric that v1 has a field for. */
function cpuUse(metric: JsonObject, holder: "target" | "current"): Json | undefined {
  const resource = objectAt(metric, "resource");
  if (metric["type"] !== "Resource" || resource["name"] !== "cpu") return undefined;
  return objectAt(resource, holder)["averageUtilization"];
}

function cpuTarget(percent: Json): JsonObject {
  const target = { type: "Utilization", averageUtilization: percent };
  return { type: "Resource", resource: { name: "cpu", target } };
}

function cpuCurrent(percent: Json): JsonObject {
  return { type: "Resource", resource: { name: "cpu", current: { averageUtilization: percent } } };
}

/** Metadata with these annotations in place of those that carried the parts before. */
function withAnnotations(
  it: JsonObject,
  carried: readonly (readonly [string, Json | undefined])[],
): JsonObject {
  if (it["metadata"] === undefined) return {};
  const { annotations, ...metadata } = objectAt(it, "metadata");
  const kept = { ...(isJsonObject(annotations) ? annotations : {}) };
  for (const name of Object.values(carriers)) Reflect.deleteProperty(kept, name);
  for (const [name, value] of carried) {
    if (value !== undefined) kept[name] = JSON.stringify(value);
  }
  if (Object.keys(kept).length === 0) return { metadata };
  return { metadata: { ...metadata, annotations: kept } };
}

/** What an annotation carries; undefined when it does not parse, as upstream. */
function carried(annotations: JsonObject, name: string): Json | undefined {
  const text = annotations[name];
  if (typeof text !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** Behavior travels under the names of the Go structs, which start with a capital. */
function renamedKeys(value: Json, rename: (key: string) => string): Json {
  if (Array.isArray(value)) return value.map((it) => renamedKeys(it, rename));
  if (!isJsonObject(value)) return value;
  const renamed: JsonObject = {};
  for (const [key, it] of Object.entries(value)) {
    if (it !== null && it !== undefined) renamed[rename(key)] = renamedKeys(it, rename);
  }
  return renamed;
}

function upperFirst(key: string): string {
  return key.slice(0, 1).toUpperCase() + key.slice(1);
}

function lowerFirst(key: string): string {
  return key.slice(0, 1).toLowerCase() + key.slice(1);
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return isJsonObject(value) ? value : {};
}

function objectsOf(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

function listOrNone(list: JsonObject[]): Json | undefined {
  return list.length === 0 ? undefined : list;
}

function field(name: string, value: Json | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}
