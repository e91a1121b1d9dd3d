import type { Node, NodeCondition, Pod, Taint, Toleration } from "#api/gen/types.ts";
import { formatTime, parseTime } from "#api/time.ts";

/** A node that is silent for this long is unknown; upstream's `--node-monitor-grace-period`. */
export const graceMs = 50_000;
/** The same for a node that never reported; upstream's `--node-startup-grace-period`. */
export const startupGraceMs = 60_000;

/** Conditions that a silent node is not believed in any more. */
const watchedConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

const prefix = "node.kubernetes.io";
export const notReadyTaint = `${prefix}/not-ready`;
export const unreachableTaint = `${prefix}/unreachable`;

const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: `${prefix}/memory-pressure`,
  DiskPressure: `${prefix}/disk-pressure`,
  PIDPressure: `${prefix}/pid-pressure`,
  NetworkUnavailable: `${prefix}/network-unavailable`,
};
const unschedulableTaint = `${prefix}/unschedulable`;

/** Taints that belong to this controller; all others are left as they are. */
const ownTaints = new Set([
  notReadyTaint,
  unreachableTaint,
  unschedulableTaint,
  ...Object.values(pressureTaints),
]);

export interface NodeInput {
  readonly node: Node;
  readonly silentMs: number;
  /** Pods may be driven off now: the zone is not in trouble as a whole, and its rate allows it. */
  readonly mayEvict: boolean;
  readonly now: number;
}

export interface NodePlan {
  /** Conditions to write; empty when all are as they should be. */
  readonly conditions: readonly NodeCondition[];
  /** All taints of the node; undefined when they are as they should be. */
  readonly taints: readonly Taint[] | undefined;
  /** The plan would drive pods off, if only it were allowed. */
  readonly wantsEviction: boolean;
  /** Milliseconds after which silence would be too long; undefined when it already is. */
  readonly silentAfterMs: number | undefined;
}

/** What the conditions and taints of a node are to be. Upstream: `node_lifecycle_controller.go`. */
export function planNode(input: NodeInput): NodePlan {
  const { node, silentMs, now } = input;
  const present = node.status?.conditions ?? [];
  const reported = present.some((it) => it.type === "Ready");
  const limit = reported ? graceMs : startupGraceMs;
  const silent = silentMs >= limit;
  const conditions = silent ? unknownConditions(present, now) : [];
  const next = new Map(present.map((it) => [it.type, it]));
  for (const condition of conditions) next.set(condition.type, condition);
  const wanted = wantedTaints(input, next);
  return {
    conditions,
    taints: sameTaints(node.spec?.taints ?? [], wanted.taints) ? undefined : wanted.taints,
    wantsEviction: wanted.wantsEviction,
    silentAfterMs: silent ? undefined : limit - silentMs,
  };
}

function unknownConditions(present: readonly NodeCondition[], now: number): NodeCondition[] {
  const time = formatTime(now);
  return watchedConditions.flatMap((type) => {
    const before = present.find((it) => it.type === type);
    if (before?.status === "Unknown") return [];
    const told =
      before === undefined
        ? { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." }
        : { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
    const lastHeartbeatTime = before?.lastHeartbeatTime ?? time;
    return [{ type, status: "Unknown", ...told, lastHeartbeatTime, lastTransitionTime: time }];
  });
}

type Conditions = ReadonlyMap<string, NodeCondition>;

function wantedTaints(
  input: NodeInput,
  conditions: Conditions,
): { readonly taints: readonly Taint[]; readonly wantsEviction: boolean } {
  const { node } = input;
  const present = node.spec?.taints ?? [];
  const key = troubleOf(conditions);
  const evicting = present.some((it) => it.key === key && it.effect === "NoExecute");
  const wanted = [
    ...(key === undefined ? [] : troubleTaints(key, input, evicting)),
    ...Object.entries(pressureTaints)
      .filter(([type]) => conditions.get(type)?.status === "True")
      .map(([, pressure]) => ({ key: pressure, effect: "NoSchedule" })),
    ...(node.spec?.unschedulable === true
      ? [{ key: unschedulableTaint, effect: "NoSchedule" }]
      : []),
  ];
  // A taint that is there already stays as it is, with the time at which it came.
  const kept = wanted.map(
    (taint) => present.find((it) => it.key === taint.key && it.effect === taint.effect) ?? taint,
  );
  const taints = [...present.filter((it) => !ownTaints.has(it.key)), ...kept];
  return { taints, wantsEviction: key !== undefined && !evicting };
}

/** The taint for a node that is not ready; undefined when it is, or has never reported. */
function troubleOf(conditions: Conditions): string | undefined {
  const ready = conditions.get("Ready")?.status;
  if (ready === undefined || ready === "True") return undefined;
  return ready === "False" ? notReadyTaint : unreachableTaint;
}

function troubleTaints(key: string, { mayEvict, now }: NodeInput, evicting: boolean): Taint[] {
  const taints: Taint[] = [{ key, effect: "NoSchedule" }];
  if (evicting || mayEvict) {
    taints.push({ key, effect: "NoExecute", timeAdded: formatTime(now) });
  }
  return taints;
}

/** In any order. */
function sameTaints(a: readonly Taint[], b: readonly Taint[]): boolean {
  const text = (it: Taint): string =>
    JSON.stringify([it.key, it.effect, it.value ?? "", it.timeAdded ?? ""]);
  const left = new Set(a.map(text));
  return a.length === b.length && b.every((it) => left.has(text(it)));
}

/**
 * When a pod must leave a node with these taints, in milliseconds since the epoch; undefined: it
 * may stay. Upstream: `tainteviction`, `GetMatchingTolerations` and `getMinTolerationTime`.
 */
export function evictionTime(pod: Pod, taints: readonly Taint[], now: number): number | undefined {
  const evicting = taints.filter((it) => it.effect === "NoExecute");
  if (evicting.length === 0) return undefined;
  let earliest: number | undefined;
  for (const taint of evicting) {
    const tolerations = (pod.spec?.tolerations ?? []).filter((it) => tolerates(it, taint));
    if (tolerations.length === 0) return now;
    const seconds = tolerations
      .map((it) => it.tolerationSeconds)
      .filter((it) => it !== undefined)
      .map((it) => Math.max(0, it));
    if (seconds.length === 0) continue;
    const since = parseTime(taint.timeAdded ?? "") ?? now;
    const at = since + Math.min(...seconds) * 1_000;
    earliest = Math.min(earliest ?? at, at);
  }
  return earliest;
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { effect = "", key = "", operator = "Equal", value = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  if (operator === "Exists") return true;
  return operator === "Equal" && key !== "" && value === (taint.value ?? "");
}

/** The nodes of a zone, counted. */
export interface ZoneState {
  readonly ready: number;
  readonly notReady: number;
}

/** A zone with at least this share of nodes not ready is in trouble itself. */
const unhealthyShare = 0.55;
/** Zones up to this size stop evictions then, larger ones slow down. */
const largeZone = 50;

/**
 * Nodes per second of a zone whose pods may be driven off; upstream's `--node-eviction-rate` and
 * its like. `allDown`: no node anywhere is ready, so it is the control plane that is cut off.
 */
export function evictionsPerSecond(zone: ZoneState, allDown: boolean): number {
  const total = zone.ready + zone.notReady;
  if (allDown || total === 0) return 0;
  if (zone.ready === 0) return 0.1;
  if (zone.notReady > 2 && zone.notReady / total >= unhealthyShare) {
    return total > largeZone ? 0.01 : 0;
  }
  return 0.1;
}
