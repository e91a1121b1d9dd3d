import { describeError } from "#base/log.ts";
import { findContainer, type PodContainer } from "./containers.ts";
import { tell, warn, type Operation } from "./context.ts";
import type { Action } from "./input.ts";
import { graceSecondsMin } from "./stopping.ts";

/**
 * Ends one container: its preStop hook, the stop signal, and SIGKILL when the grace period is over.
 * Upstream: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, killContainer.
 */
export async function killContainer(
  operation: Operation,
  action: Extract<Action, { kind: "kill" }>,
  signal: AbortSignal,
): Promise<void> {
  const { context, state, life } = operation;
  const container = findContainer(state.pod, action.container);
  const usual = `Stopping container ${action.container}`;
  tell(operation, "Killing", action.message === "" ? usual : action.message, container);
  const startedMs = context.clock.monotonic();
  if (container !== undefined && action.graceSeconds > 0) {
    await runPreStop(operation, container, action, signal);
  }
  signal.throwIfAborted();
  const spentSeconds = Math.floor((context.clock.monotonic() - startedMs) / 1000);
  const left = Math.max(action.graceSeconds - spentSeconds, graceSecondsMin);
  try {
    await context.runtime.stopContainer(action.containerId, left, signal);
  } finally {
    // Whatever came of it, the next plan must see how the container is.
    if (!life.aborted) await context.cache.refreshContainer(action.containerId, life);
  }
  const { containers } = context.cache.get(state.uid);
  if (containers.some((it) => it.id === action.containerId && it.state === "running")) {
    throw new Error(`container ${action.containerId} still runs after it was stopped`);
  }
  if (action.replace) state.replaced.add(action.containerId);
}

async function runPreStop(
  operation: Operation,
  container: PodContainer,
  { containerId, graceSeconds }: Extract<Action, { kind: "kill" }>,
  signal: AbortSignal,
): Promise<void> {
  const handler = container.spec.lifecycle?.preStop;
  if (handler === undefined) return;
  const { context, state } = operation;
  const podIp = state.pod.status?.podIP ?? "";
  const target = { pod: state.pod, container, containerId, podIp };
  const limit = new AbortController();
  const both = AbortSignal.any([signal, limit.signal]);
  const timer = context.clock.sleep(graceSeconds * 1000, both).then(
    () => {
      limit.abort(new Error(`preStop hook ran longer than ${graceSeconds} s`));
    },
    () => undefined, // The hook ended first.
  );
  try {
    await context.hooks.run(handler, target, both);
  } catch (error) {
    if (signal.aborted) throw error;
    warn(operation, "FailedPreStopHook", "PreStopHook failed", container);
    context.log.info("preStop hook failed", { pod: state.uid, reason: describeError(error) });
  } finally {
    limit.abort(new Error("the hook ended"));
    await timer;
  }
}
