import type { Container, Pod } from "#api/gen/types.ts";
import { findQuantity } from "#api/quantity.ts";
import { parseTime } from "#api/time.ts";
import { isDeleting, nameOf } from "#client/object-key.ts";
import { readyCondition } from "#controllers/pods/readiness.ts";

/** What a pod uses of one resource, in thousandths. */
export interface PodUsage {
  readonly millis: number;
  readonly timeMs: number;
  readonly windowMs: number;
}

export interface Question {
  readonly resource: string;
  /** Undefined for all of a pod's containers. */
  readonly container: string | undefined;
  readonly target:
    | { readonly kind: "utilization"; readonly percent: number }
    | { readonly kind: "averageValue"; readonly millis: number };
  /** Replicas that the target has by its spec. */
  readonly current: number;
  /** By how much of the target, up and down, one may be off. */
  readonly tolerance: { readonly up: number; readonly down: number };
  readonly now: number;
}

export interface Recommendation {
  readonly replicas: number;
  /** Of the request, in percent; undefined for a target by value. */
  readonly utilization: number | undefined;
  /** Of each pod, in thousandths. */
  readonly average: number;
}

/** Upstream's defaults of the controller manager. */
const cpuInitializationMs = 5 * 60_000;
const initialReadinessMs = 30_000;

/**
 * How many replicas would bring the use of a resource to its target.
 * Upstream: `pkg/controller/podautoscaler/replica_calculator.go`.
 * @throws {Error} when nothing is known of any pod, or a request is missing.
 */
export function recommend(
  question: Question,
  pods: readonly Pod[],
  usages: ReadonlyMap<string, PodUsage>,
): Recommendation {
  if (pods.length === 0)
    throw new Error("no pods returned by selector while calculating replica count");
  const groups = groupPods(question, pods, usages);
  const requests = requestsOf(question, pods);
  if (groups.ready.size === 0) {
    throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  }
  const first = ratioOf(question, groups.ready, requests);
  return { ...first.found, replicas: replicasFor(question, groups, requests, first.ratio) };
}

interface Groups {
  readonly ready: ReadonlyMap<string, number>;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
}

function replicasFor(
  question: Question,
  groups: Groups,
  requests: ReadonlyMap<string, number>,
  ratio: number,
): number {
  const { current, tolerance } = question;
  const countsUnready = groups.unready.length > 0 && ratio > 1;
  if (!countsUnready && groups.missing.length === 0) {
    return isTolerable(ratio, tolerance) ? current : Math.ceil(ratio * groups.ready.size);
  }
  const filled = filledUp(question, groups, requests, { ratio, countsUnready });
  const next = ratioOf(question, filled, requests).ratio;
  const isOtherWay = ratio < 1 ? next > 1 : next < 1;
  if (isTolerable(next, tolerance) || isOtherWay) return current;
  const replicas = Math.ceil(next * filled.size);
  const isAgainst = next < 1 ? replicas > current : replicas < current;
  return isAgainst ? current : replicas;
}

/** Of what is not known the best is supposed for the way that is not taken. */
function filledUp(
  question: Question,
  { ready, missing, unready }: Groups,
  requests: ReadonlyMap<string, number>,
  { ratio, countsUnready }: { readonly ratio: number; readonly countsUnready: boolean },
): ReadonlyMap<string, number> {
  const filled = new Map(ready);
  for (const name of missing) {
    filled.set(name, ratio > 1 ? 0 : supposed(question, requests, name));
  }
  if (countsUnready) for (const name of unready) filled.set(name, 0);
  return filled;
}

/** A pod of which nothing is known, when replicas would go: it is taken to be busy. */
function supposed(
  { target }: Question,
  requests: ReadonlyMap<string, number>,
  name: string,
): number {
  if (target.kind === "averageValue") return target.millis;
  return ((requests.get(name) ?? 0) * Math.max(100, target.percent)) / 100;
}

function ratioOf(
  { target }: Question,
  usages: ReadonlyMap<string, number>,
  requests: ReadonlyMap<string, number>,
): { readonly ratio: number; readonly found: Omit<Recommendation, "replicas"> } {
  const used = sum(usages.values());
  const average = Math.floor(used / usages.size);
  if (target.kind === "averageValue") {
    return { ratio: average / target.millis, found: { utilization: undefined, average } };
  }
  const requested = sum([...usages.keys()].map((it) => requests.get(it) ?? 0));
  if (requested === 0) throw new Error("no metrics returned matched known pods");
  const utilization = Math.floor((used * 100) / requested);
  return { ratio: utilization / target.percent, found: { utilization, average } };
}

function isTolerable(ratio: number, { up, down }: Question["tolerance"]): boolean {
  return ratio <= 1 + up && ratio >= 1 - down;
}

function groupPods(
  question: Question,
  pods: readonly Pod[],
  usages: ReadonlyMap<string, PodUsage>,
): Groups {
  const ready = new Map<string, number>();
  const unready: string[] = [];
  const missing: string[] = [];
  for (const pod of pods) {
    if (isDeleting(pod) || pod.status?.phase === "Failed") continue;
    const usage = usages.get(nameOf(pod));
    if (pod.status?.phase === "Pending") unready.push(nameOf(pod));
    else if (usage === undefined) missing.push(nameOf(pod));
    else if (question.resource === "cpu" && isWarmingUp(pod, usage, question.now)) {
      unready.push(nameOf(pod));
    } else ready.set(nameOf(pod), usage.millis);
  }
  return { ready, unready, missing };
}

/** What a pod uses while it starts says nothing about its work. */
function isWarmingUp(pod: Pod, usage: PodUsage, now: number): boolean {
  const condition = readyCondition(pod);
  const start = parseTime(pod.status?.startTime ?? "");
  if (condition === undefined || start === undefined) return true;
  const since = parseTime(condition.lastTransitionTime ?? "") ?? start;
  const isNotReady = condition.status === "False";
  if (start + cpuInitializationMs > now) return isNotReady || usage.timeMs < since + usage.windowMs;
  return isNotReady && start + initialReadinessMs > since;
}

function requestsOf(question: Question, pods: readonly Pod[]): ReadonlyMap<string, number> {
  if (question.target.kind === "averageValue") return new Map();
  return new Map(pods.map((pod) => [nameOf(pod), requestOf(question, pod)]));
}

function requestOf({ resource, container }: Question, pod: Pod): number {
  const sidecars = (pod.spec?.initContainers ?? []).filter((it) => it.restartPolicy === "Always");
  const all: readonly Container[] = [...(pod.spec?.containers ?? []), ...sidecars];
  const wanted = all.filter((it) => container === undefined || it.name === container);
  return sum(
    wanted.map((it) => {
      const request = it.resources?.requests?.[resource];
      const quantity = request === undefined ? undefined : findQuantity(request);
      if (quantity !== undefined) return quantity.milliValue();
      throw new Error(
        `missing request for ${resource} in container ${it.name} of Pod ${nameOf(pod)}`,
      );
    }),
  );
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
