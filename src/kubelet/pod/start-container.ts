import { describeError } from "#base/log.ts";
import type { ImageStatus } from "#cri/runtime.ts";
import { containerConfig } from "./container-config.ts";
import { findContainer, instancesOf, type PodContainer } from "./containers.ts";
import { tell, warn, type Operation } from "./context.ts";
import { prepareHost } from "./create-sandbox.ts";
import { buildEnvironment } from "./environment.ts";
import type { Action } from "./input.ts";
import { killContainer } from "./kill-container.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import { nonRootProblem } from "./security.ts";
import { volumesToFill } from "#kubelet/volumes/fill.ts";
import { StartError } from "./start-error.ts";

type Start = Extract<Action, { kind: "start" }>;

/** Waits after a failure of each sort. A start that the runtime refused backs off by itself. */
const configRetryMs = 10_000;
const createRetryMs = 10_000;
const mountRetryMs = 2_000;

/**
 * Brings one instance of a container to life: image, environment, files, create, start, hook.
 * Failures are noted for the status and the plan, not thrown.
 */
export async function startContainer(
  operation: Operation,
  action: Start,
  signal: AbortSignal,
): Promise<void> {
  const { state, context } = operation;
  const container = findContainer(state.pod, action.container);
  if (container === undefined) return;
  try {
    await startInstance(operation, container, action, signal);
    state.failures.delete(action.container);
  } catch (error) {
    if (signal.aborted && !(error instanceof StartError)) return;
    const failure =
      error instanceof StartError
        ? error
        : new StartError("CreateContainerError", describeError(error), {
            retryAtMs: context.clock.now() + createRetryMs,
          });
    const { reason, retryAtMs } = failure;
    state.failures.set(action.container, { reason, message: failure.message, retryAtMs });
    context.metrics.containerNotStarted(container.role, reason);
  }
}

async function startInstance(
  operation: Operation,
  container: PodContainer,
  action: Start,
  signal: AbortSignal,
): Promise<void> {
  const { context, state } = operation;
  try {
    await prepareHost(operation, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    throw failure(operation, "", describeError(error), mountRetryMs);
  }
  const image = await context.images.ensure(state.pod, container, signal);
  await showImageVolumes(operation, container, signal);
  // A container that has emptied its volume finds it empty when it is started again.
  if (action.attempt === 0) await fillVolumes(operation, container, image, signal);
  await state.networkReady;
  signal.throwIfAborted();
  const id = await context.starts.run(
    () => createAndStart(operation, container, action, image),
    signal,
  );
  await runPostStart(operation, container, id, signal);
}

/** Images that the container mounts: pulled and made visible. */
async function showImageVolumes(
  operation: Operation,
  container: PodContainer,
  signal: AbortSignal,
): Promise<void> {
  const { context, state } = operation;
  const mounted = new Set((container.spec.volumeMounts ?? []).map((it) => it.name));
  for (const { name, image } of state.pod.spec?.volumes ?? []) {
    if (image === undefined || !mounted.has(name)) continue;
    const { id } = await context.images.ensureVolume(state.pod, image, container, signal);
    await mounting(operation, name, signal, async () => {
      await context.host.showImage(state.pod, { volume: name, imageId: id }, signal);
    });
  }
}

/** New volumes that are to have what the container's image has in their place. */
async function fillVolumes(
  operation: Operation,
  { spec }: PodContainer,
  image: ImageStatus,
  signal: AbortSignal,
): Promise<void> {
  const { context, state } = operation;
  for (const it of volumesToFill(state.pod, spec.volumeMounts ?? [])) {
    await mounting(operation, it.volume, signal, async () => {
      await context.host.fillVolume(state.pod, { ...it, imageId: image.id }, signal);
    });
  }
}

async function mounting(
  operation: Operation,
  volume: string,
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (signal.aborted) throw error;
    const why = `MountVolume.SetUp failed for volume "${volume}" : ${describeError(error)}`;
    warn(operation, "FailedMount", why);
    throw failure(operation, "", why, mountRetryMs);
  }
}

/** Runs to its end even if the pod is deleted meanwhile, so that no instance is left unknown. */
async function createAndStart(
  operation: Operation,
  container: PodContainer,
  action: Start,
  image: ImageStatus,
): Promise<string> {
  const { context, state, life } = operation;
  const id = await createInstance(operation, container, action, image);
  state.actuated.containers.set(id, container.spec.resources ?? {});
  tell(operation, "Created", "Container created", container);
  try {
    await context.runtime.startContainer(id, life);
  } catch (error) {
    const message = describeError(error);
    warn(operation, "Failed", `Error: ${message}`, container);
    await context.cache.refreshContainer(id, life);
    // The instance has ended, and its end decides when the next one may try.
    throw failure(operation, "RunContainerError", message, 0);
  }
  await context.cache.refreshContainer(id, life);
  tell(operation, "Started", "Container started", container);
  context.metrics.containerStarted(container.role);
  return id;
}

async function createInstance(
  operation: Operation,
  container: PodContainer,
  action: Start,
  image: ImageStatus,
): Promise<string> {
  const { context, state, life } = operation;
  const { pod } = state;
  const observed = context.cache.get(state.uid);
  const sandbox = observed.sandboxes.find((it) => it.id === action.sandboxId);
  if (sandbox === undefined) throw failure(operation, "", "the sandbox is gone", 0);
  const node = context.node();
  const podIps = pod.spec?.hostNetwork === true ? node.hostIps : sandbox.ips;
  const config = await configuring(operation, container, async () => {
    const problem = nonRootProblem(pod, container.spec, image);
    if (problem !== undefined) throw new Error(problem);
    const facts = { hostIps: node.hostIps, podIps, allocatable: node.allocatable };
    const { objects, services } = context.ports;
    const env = await buildEnvironment(pod, container.spec, { objects, services, facts }, life);
    const place = { attempt: action.attempt, podIps, env };
    const files = await context.host.containerFiles(pod, container, place, life);
    return containerConfig(pod, container, {
      ...action,
      image,
      env,
      files,
      nodeMemoryBytes: node.memoryBytes,
      seccompDirectory: node.seccompDirectory,
      targetContainerId: targetOf(operation, container),
    });
  });
  const sandboxOptions = sandboxConfig(pod, {
    attempt: sandbox.metadata.attempt,
    dns: node.dns,
    nodeName: node.name,
    logDirectory: context.host.logDirectory(pod),
    cgroupParent: context.host.cgroupParent(pod),
    runtimeHandler: "", // The runtime knows the sandbox's.
  });
  try {
    return await context.runtime.createContainer(sandbox.id, config, sandboxOptions, life);
  } catch (error) {
    const message = describeError(error);
    warn(operation, "Failed", `Error: ${message}`, container);
    if (!life.aborted) await context.cache.relist(life);
    throw failure(operation, "CreateContainerError", message, createRetryMs);
  }
}

async function configuring<T>(
  operation: Operation,
  container: PodContainer,
  make: () => Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    const message = describeError(error);
    warn(operation, "Failed", `Error: ${message}`, container);
    throw failure(operation, "CreateContainerConfigError", message, configRetryMs);
  }
}

/** The running instance that `kubectl debug --target` names. */
function targetOf({ context, state }: Operation, container: PodContainer): string | undefined {
  const name = state.pod.spec?.ephemeralContainers?.find(
    (it) => it.name === container.spec.name,
  )?.targetContainerName;
  if (name === undefined || name === "") return undefined;
  return instancesOf(context.cache.get(state.uid).containers, name).find(
    (it) => it.state === "running",
  )?.id;
}

/** A container whose hook fails is ended, as upstream. */
async function runPostStart(
  operation: Operation,
  container: PodContainer,
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  const { context, state } = operation;
  const handler = container.spec.lifecycle?.postStart;
  if (handler === undefined) return;
  const podIp = podIpOf(operation);
  const target = { pod: state.pod, container, containerId, podIp };
  try {
    await context.hooks.run(handler, target, signal);
  } catch (error) {
    if (signal.aborted) return;
    warn(operation, "FailedPostStartHook", "PostStartHook failed", container);
    await killContainer(
      operation,
      {
        kind: "kill",
        containerId,
        container: container.spec.name,
        graceSeconds: state.pod.spec?.terminationGracePeriodSeconds ?? 30,
        cause: "stopping",
        message: "FailedPostStartHook",
        replace: false,
      },
      signal,
    );
    throw failure(operation, "PostStartHookError", describeError(error), 0);
  }
}

/** The address at which the pod's probes and hooks reach it. */
export function podIpOf({ context, state }: Operation): string {
  if (state.pod.spec?.hostNetwork === true) return context.node().hostIps[0] ?? "";
  return context.cache.get(state.uid).sandboxes[0]?.ips[0] ?? "";
}

function failure(
  { context }: Operation,
  reason: string,
  message: string,
  afterMs: number,
): StartError {
  return new StartError(reason, message, { retryAtMs: context.clock.now() + afterMs });
}
