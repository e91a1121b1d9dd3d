import type { Job, Node, PersistentVolume, PersistentVolumeClaim } from "#api/gen/types.ts";
import type { Sample } from "#base/metrics/exposition.ts";
import type { MetricRegistry } from "#base/metrics/registry.ts";
import type { Change } from "#client/cache.ts";
import type { Informers } from "#client/informers.ts";
import { jobs, nodes, persistentVolumeClaims, persistentVolumes } from "#client/kinds.ts";
import { zoneOf } from "#controllers/nodelifecycle/zones.ts";

/**
 * Tells what controllers see of nodes, volumes and jobs, under upstream's names for each controller.
 * Disposing it takes that away.
 */
export function exposeCluster(metrics: MetricRegistry, informers: Informers): Disposable {
  const stack = new DisposableStack();
  const [allNodes, volumes] = [informers.of(nodes), informers.of(persistentVolumes)];
  const [claims, allJobs] = [informers.of(persistentVolumeClaims), informers.of(jobs)];
  const gauge = (name: string, help: string, read: () => readonly Sample[]): void => {
    stack.defer(metrics.computed({ name, help, type: "gauge" }, read));
  };
  gauge("node_collector_zone_size", "Nodes, by zone.", () => {
    return byZone(allNodes.list(), (all) => all.length);
  });
  gauge("node_collector_unhealthy_nodes_in_zone", "Nodes that are not ready, by zone.", () => {
    return byZone(allNodes.list(), (all) => all.filter((it) => !isReady(it)).length);
  });
  gauge("node_collector_zone_health", "Percentage of nodes that are ready, by zone.", () => {
    return byZone(allNodes.list(), (all) => (100 * all.filter(isReady).length) / all.length);
  });
  const bound = ({ status }: PersistentVolume | PersistentVolumeClaim): boolean =>
    status?.phase === "Bound";
  gauge("pv_collector_bound_pv_count", "Volumes that are bound.", () => {
    return count(volumes.list().filter(bound), classOf);
  });
  gauge("pv_collector_unbound_pv_count", "Volumes that are not bound.", () => {
    return count(
      volumes.list().filter((it) => !bound(it)),
      classOf,
    );
  });
  gauge("pv_collector_bound_pvc_count", "Claims that are bound.", () => {
    return count(claims.list().filter(bound), claimLabels);
  });
  gauge("pv_collector_unbound_pvc_count", "Claims that are not bound.", () => {
    return count(
      claims.list().filter((it) => !bound(it)),
      claimLabels,
    );
  });
  const finished = metrics.counter({
    name: "job_controller_jobs_finished_total",
    help: "Jobs that have ended.",
    labels: ["completion_mode", "result", "reason"],
  });
  const unsubscribe = allJobs.subscribe((change) => {
    const end = endOf(change);
    if (end !== undefined) finished.of(end.mode, end.result, end.reason).add();
  });
  stack.defer(unsubscribe);
  return stack;
}

function byZone(all: readonly Node[], value: (nodes: readonly Node[]) => number): Sample[] {
  const zones = Map.groupBy(all, zoneOf);
  return [...zones].map(([zone, of]) => ({ labels: { zone }, value: value(of) }));
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.find((it) => it.type === "Ready")?.status === "True";
}

function count<T>(all: readonly T[], labelsOf: (it: T) => Sample["labels"]): Sample[] {
  const found = new Map<string, { readonly labels: Sample["labels"]; value: number }>();
  for (const it of all) {
    const labels = labelsOf(it);
    const key = JSON.stringify(labels);
    const entry = found.get(key) ?? { labels, value: 0 };
    entry.value++;
    found.set(key, entry);
  }
  return [...found.values()];
}

function classOf({ spec }: PersistentVolume): Sample["labels"] {
  return { storage_class: spec?.storageClassName ?? "" };
}

function claimLabels({ metadata, spec }: PersistentVolumeClaim): Sample["labels"] {
  const namespace = metadata?.namespace ?? "";
  return { namespace, storage_class: spec?.storageClassName ?? "" };
}

/** How the job ended by this change; undefined when it did not. */
function endOf({
  previous,
  current,
}: Change<Job>):
  { readonly mode: string; readonly result: string; readonly reason: string } | undefined {
  if (previous === undefined || current === undefined) return undefined;
  const end = finishedCondition(current);
  if (end === undefined || finishedCondition(previous) !== undefined) return undefined;
  const result = end.type === "Complete" ? "succeeded" : "failed";
  return {
    mode: current.spec?.completionMode ?? "NonIndexed",
    result,
    reason: end.reason ?? "",
  };
}

function finishedCondition({ status }: Job) {
  return status?.conditions?.find(
    (it) => (it.type === "Complete" || it.type === "Failed") && it.status === "True",
  );
}
