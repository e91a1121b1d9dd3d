import type {
  HorizontalPodAutoscalerV2,
  MetricSpecV2,
  MetricStatusV2,
  MetricTargetV2,
  MetricValueStatusV2,
} from "#api/gen/types.ts";
import { ageColumn, ageOf, column, nameColumn, nameOf } from "#api/rules/columns.ts";
import type { Loose, Printer } from "#api/rules/rules.ts";

export const autoscalerPrinter: Printer<HorizontalPodAutoscalerV2> = {
  columns: [
    nameColumn,
    column("Reference", "What it scales."),
    column("Targets", "The metrics as they are, and as they should be."),
    column("MinPods", "The fewest replicas."),
    column("MaxPods", "The most replicas."),
    column("Replicas", "How many replicas there are."),
    ageColumn,
  ],
  cells: (it, nowMs) => {
    const { scaleTargetRef: ref = {}, metrics = [], minReplicas, maxReplicas = 0 } = it.spec ?? {};
    return [
      nameOf(it),
      `${ref.kind ?? ""}/${ref.name ?? ""}`,
      formatMetrics(metrics, it.status?.currentMetrics ?? []),
      String(minReplicas ?? "<unset>"),
      maxReplicas,
      it.status?.currentReplicas ?? 0,
      ageOf(it, nowMs),
    ];
  },
};

const shownMetrics = 2;

/** Upstream: `formatHPAMetrics`. */
function formatMetrics(
  metrics: readonly Loose<MetricSpecV2>[],
  current: readonly Loose<MetricStatusV2>[],
): string {
  if (metrics.length === 0) return "<none>";
  const shown = metrics.slice(0, shownMetrics).map((it, i) => formatMetric(it, current[i] ?? {}));
  const more = metrics.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` + ${more} more...` : "");
}

function formatMetric(metric: Loose<MetricSpecV2>, now: Loose<MetricStatusV2>): string {
  switch (metric.type ?? "") {
    case "External":
      return formatValue(metric.external?.target, now.external?.current);
    case "Object":
      return formatValue(metric.object?.target, now.object?.current);
    case "Pods":
      return formatPods(metric.pods, now.pods);
    case "Resource":
      return formatUse(metric.resource, now.resource);
    case "ContainerResource":
      return formatUse(metric.containerResource, now.containerResource);
    default:
      return "<unknown type>";
  }
}

interface Wanted {
  readonly name?: string | undefined;
  readonly target?: Loose<MetricTargetV2> | undefined;
}

interface Found {
  readonly current?: Loose<MetricValueStatusV2> | undefined;
}

function formatPods(metric: Wanted | undefined, now: Found | undefined): string {
  const current = now === undefined ? "<unknown>" : (now.current?.averageValue ?? "0");
  return `${current}/${metric?.target?.averageValue ?? "0"}`;
}

function formatValue(
  target: Loose<MetricTargetV2> | undefined,
  now: Loose<MetricValueStatusV2> | undefined,
): string {
  const average = target?.averageValue;
  if (average !== undefined) return `${now?.averageValue ?? "<unknown>"}/${average} (avg)`;
  const current = now === undefined ? "<unknown>" : (now.value ?? "0");
  return `${current}/${target?.value ?? "0"}`;
}

function formatUse(metric: Wanted | undefined, now: Found | undefined): string {
  const target = metric?.target ?? {};
  const name = metric?.name ?? "";
  if (target.averageValue !== undefined) return `${name}: ${formatPods(metric, now)}`;
  const [current, wanted] = [now?.current?.averageUtilization, target.averageUtilization];
  const percent = current === undefined ? "<unknown>" : `${current}%`;
  return `${name}: ${percent}/${wanted === undefined ? "<auto>" : `${wanted}%`}`;
}
