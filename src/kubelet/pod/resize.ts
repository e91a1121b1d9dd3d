import type { Container, Pod, PodCondition } from "#api/gen/types.ts";
import { differing, type Actuated } from "./allocation.ts";
import { findContainer, instancesOf, type PodContainer } from "./containers.ts";
import type { PodInput } from "./input.ts";
import { podRequests } from "./resources.ts";

/** How far a change of a running pod's resources has come. */
export interface ResizeProgress {
  /** The node has no room for what is asked; the pod goes on with what it has. */
  readonly pending:
    { readonly message: string; readonly generation: number; readonly sinceMs: number } | undefined;
  /** What was granted is being put into effect. The error is the last try's; empty for none. */
  readonly running: { readonly generation: number; readonly error: string } | undefined;
}

export const noResize: ResizeProgress = { pending: undefined, running: undefined };

/** What a running container whose resources differ from the granted ones needs. */
export function containerResize(
  container: PodContainer,
  containerId: string,
  actuated: Actuated,
): "none" | "update" | "restart" {
  const now = actuated.containers.get(containerId);
  if (now === undefined || container.role === "ephemeral") return "none";
  const changed = differing(container.spec.resources ?? {}, now);
  if (changed.length === 0) return "none";
  return changed.some((name) => restartsFor(container.spec, name)) ? "restart" : "update";
}

function restartsFor({ resizePolicy = [] }: Container, resource: string): boolean {
  return resizePolicy.some(
    (it) => it.resourceName === resource && it.restartPolicy === "RestartContainer",
  );
}

type ResizeInput = Pick<PodInput, "pod" | "observed" | "actuated">;

/** True while a running container or the pod's own group is held to other amounts than granted. */
export function isResizing(input: ResizeInput): boolean {
  return input.actuated.group !== "settled" || resizesOf(input).size > 0;
}

/**
 * True when there is something to put into effect now. The group gives up the room of the old
 * amounts only when no container needs it any more.
 */
export function needsResize(input: ResizeInput): boolean {
  const { group } = input.actuated;
  const needs = resizesOf(input);
  return group === "granted" || needs.has("update") || (group === "grown" && canSettle(input));
}

/** False while a container that runs with other amounts waits for its restart. */
export function canSettle(input: ResizeInput): boolean {
  return !resizesOf(input).has("restart");
}

function resizesOf({ pod, observed, actuated }: ResizeInput): ReadonlySet<"update" | "restart"> {
  const needs = new Set<"update" | "restart">();
  for (const instance of observed.containers) {
    const container = findContainer(pod, instance.metadata.name);
    const newest = instancesOf(observed.containers, instance.metadata.name)[0];
    if (instance.state !== "running" || container === undefined || newest !== instance) continue;
    const need = containerResize(container, instance.id, actuated);
    if (need !== "none") needs.add(need);
  }
  return needs;
}

/** The order in which pods that wait for room are asked again. Upstream: sortPendingResizes. */
export function byResizeUrgency(left: WaitingResize, right: WaitingResize): number {
  return (
    Number(grows(left)) - Number(grows(right)) ||
    (right.desired.spec?.priority ?? 0) - (left.desired.spec?.priority ?? 0) ||
    classRank(left.desired) - classRank(right.desired) ||
    left.sinceMs - right.sinceMs
  );
}

export interface WaitingResize {
  readonly desired: Pod;
  readonly granted: Pod;
  readonly sinceMs: number;
}

function grows({ desired, granted }: WaitingResize): boolean {
  const [want, have] = [podRequests(desired), podRequests(granted)];
  return want.cpuMillis > have.cpuMillis || want.memoryBytes > have.memoryBytes;
}

function classRank(pod: Pod): number {
  return pod.status?.qosClass === "Guaranteed" ? 0 : 1;
}

/** Types of the conditions that tell of a resize. */
export const resizeConditionTypes = ["PodResizePending", "PodResizeInProgress"] as const;

/** The conditions that hold now, without times. */
export function resizeConditions({
  pending,
  running,
}: ResizeProgress): readonly Omit<PodCondition, "lastTransitionTime">[] {
  const conditions: Omit<PodCondition, "lastTransitionTime">[] = [];
  if (pending !== undefined) {
    conditions.push({
      type: "PodResizePending",
      status: "True",
      reason: "Deferred",
      message: pending.message,
      observedGeneration: pending.generation,
    });
  }
  if (running !== undefined) {
    conditions.push({
      type: "PodResizeInProgress",
      status: "True",
      observedGeneration: running.generation,
      ...(running.error === "" ? {} : { reason: "Error", message: running.error }),
    });
  }
  return conditions;
}
