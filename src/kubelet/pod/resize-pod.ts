import type { ContainerStatus } from "#cri/runtime.ts";
import type { ResourceUsage } from "#kubelet/server/usage.ts";
import { sameResources } from "./allocation.ts";
import { findContainer, instancesOf, type PodContainer } from "./containers.ts";
import type { Operation } from "./context.ts";
import { canSettle, containerResize } from "./resize.ts";
import { containerResources, podLimits } from "./resources.ts";

/**
 * Puts the granted resources into effect without a restart: room in the pod's group first, then the
 * containers, then the group's final limits. Every step may be done twice.
 * @throws {Error} when a memory limit would go below what is in use, or the runtime refuses.
 */
export async function resizePod(operation: Operation, signal: AbortSignal): Promise<void> {
  const { context, state } = operation;
  const { pod } = state;
  const { containers } = context.cache.get(state.uid);
  const updates = containers.flatMap((instance) => updateOf(operation, instance, containers));
  await checkMemory(operation, updates);
  await context.host.resize(pod, "grow");
  state.actuated.group = "grown";
  for (const { container, instance } of updates) {
    const resources = containerResources(pod, container.spec, context.node().memoryBytes);
    await context.runtime.updateResources(instance.id, resources, signal);
    state.actuated.containers.set(instance.id, container.spec.resources ?? {});
  }
  const observed = context.cache.get(state.uid);
  if (!canSettle({ pod, observed, actuated: state.actuated })) return;
  await context.host.resize(pod, "settle");
  state.actuated.group = "settled";
  state.actuated.pod = pod.spec?.resources;
}

interface Update {
  readonly container: PodContainer;
  readonly instance: ContainerStatus;
}

function updateOf(
  { state }: Operation,
  instance: ContainerStatus,
  all: readonly ContainerStatus[],
): readonly Update[] {
  const { name } = instance.metadata;
  const container = findContainer(state.pod, name);
  const isCurrent = instancesOf(all, name)[0] === instance && instance.state === "running";
  if (container === undefined || !isCurrent) return [];
  const isUpdate = containerResize(container, instance.id, state.actuated) === "update";
  return isUpdate ? [{ container, instance }] : [];
}

/** A limit below what is in use would have the kernel kill something. */
async function checkMemory(operation: Operation, updates: readonly Update[]): Promise<void> {
  const { context, state } = operation;
  const { pod } = state;
  const problems: string[] = [];
  const ofPod = await context.usage.pod(pod);
  const problem = memoryProblem("pod", podLimits(pod).memoryBytes, ofPod);
  if (problem !== undefined) problems.push(problem);
  for (const { container, instance } of updates) {
    const { spec } = container;
    const old = state.actuated.containers.get(instance.id);
    if (sameResources({ limits: spec.resources?.limits }, { limits: old?.limits })) continue;
    const limit = containerResources(pod, spec, context.node().memoryBytes).memoryLimitBytes;
    const usage = await context.usage.container(pod, instance.id);
    const found = memoryProblem(`container "${spec.name}"`, limit, usage);
    if (found !== undefined) problems.push(found);
  }
  if (problems.length === 0) return;
  const all = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
  throw new Error(`cannot decrease memory limits: ${all}`);
}

function memoryProblem(
  what: string,
  limitBytes: number | undefined,
  usage: ResourceUsage | undefined,
): string | undefined {
  if (limitBytes === undefined || limitBytes === 0) return undefined;
  if (usage === undefined || usage.memoryUsageBytes < limitBytes) return undefined;
  const inUse = usage.memoryUsageBytes;
  return `attempting to set ${what} memory limit (${limitBytes}) below current usage (${inUse})`;
}
