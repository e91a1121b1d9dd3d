import { describeError } from "#base/log.ts";
import { warn, type Operation } from "./context.ts";
import { sandboxKey, type Action } from "./input.ts";
import { sandboxConfig } from "./sandbox-config.ts";

/** Waits between attempts at a sandbox: 1 s, doubled up to 30 s. */
const initialRetryMs = 1_000;
const retryMsMax = 30_000;

/** Prepares the pod's place on the node and makes its sandbox. Failures are noted, not thrown. */
export async function createSandbox(
  operation: Operation,
  { attempt }: Extract<Action, { kind: "create-sandbox" }>,
  signal: AbortSignal,
): Promise<void> {
  const { context, state } = operation;
  try {
    await prepareHost(operation, signal);
    signal.throwIfAborted();
    await context.starts.run(() => runSandbox(operation, attempt), signal);
    state.sandboxFailures = 0;
    state.failures.delete(sandboxKey);
  } catch (error) {
    if (signal.aborted) return;
    const message = describeError(error);
    if (!(error instanceof HostError)) {
      warn(operation, "FailedCreatePodSandBox", `Failed to create pod sandbox: ${message}`);
    }
    const afterMs = Math.min(initialRetryMs * 2 ** state.sandboxFailures, retryMsMax);
    state.sandboxFailures += 1;
    state.failures.set(sandboxKey, {
      reason: "",
      message,
      retryAtMs: context.clock.now() + afterMs,
    });
  }
}

/** Volumes or directories could not be had; an event has told so. */
class HostError extends Error {
  override readonly name = "HostError";
}

/** Directories, cgroup and volumes. @throws {Error} after telling the user what is missing. */
export async function prepareHost(operation: Operation, signal: AbortSignal): Promise<void> {
  const { context, state } = operation;
  try {
    await context.host.prepare(state.pod, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    warn(operation, "FailedMount", describeError(error));
    throw new HostError(describeError(error), { cause: error });
  }
}

/** Runs to its end even if the pod is deleted meanwhile, so that no sandbox is left unknown. */
async function runSandbox({ context, state, life }: Operation, attempt: number): Promise<void> {
  const { pod } = state;
  const { name: nodeName, dns } = context.node();
  const config = sandboxConfig(pod, {
    attempt,
    dns,
    nodeName,
    logDirectory: context.host.logDirectory(pod),
    cgroupParent: context.host.cgroupParent(pod),
  });
  try {
    const id = await context.runtime.runSandbox(config, life);
    await context.cache.refreshSandbox(id, life);
  } catch (error) {
    // The runtime may have kept something under this attempt's name; learn of it.
    if (!life.aborted) await context.cache.relist(life);
    throw error;
  }
}
