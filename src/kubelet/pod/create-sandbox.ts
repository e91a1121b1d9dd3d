import { describeError } from "#base/log.ts";
import { RuntimeError } from "#cri/runtime.ts";
import { tell, warn, type Operation } from "./context.ts";
import { sandboxKey, type Action } from "./input.ts";
import { sandboxConfig, sandboxProblem } from "./sandbox-config.ts";

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
  if (context.cache.get(state.uid).sandboxes.length > 0) {
    const message = "Pod sandbox changed, it will be killed and re-created.";
    tell(operation, "SandboxChanged", message);
  }
  try {
    await prepareHost(operation, signal);
    signal.throwIfAborted();
    const runtimeHandler = await handlerOf(operation, signal);
    await withNetwork(operation, signal, () =>
      context.starts.run(() => runSandbox(operation, attempt, runtimeHandler), signal),
    );
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

/** What the pod's RuntimeClass stands for. @throws {Error} when there is none of that name. */
async function handlerOf({ context, state }: Operation, signal: AbortSignal): Promise<string> {
  const name = state.pod.spec?.runtimeClassName;
  if (name === undefined || name === "") return "";
  const found = await context.ports.api.runtimeClass(name, signal);
  if (found === undefined) throw new Error(`runtimeclass.node.k8s.io "${name}" not found`);
  return found.handler;
}

/** Runs to its end even if the pod is deleted meanwhile, so that no sandbox is left unknown. */
async function runSandbox(
  { context, state, life }: Operation,
  attempt: number,
  runtimeHandler: string,
): Promise<string> {
  const { pod } = state;
  const { name: nodeName, dns } = context.node();
  const place = { dns, nodeName, runtimeHandler };
  const problem = sandboxProblem(pod, place);
  if (problem !== undefined) throw new Error(problem);
  const config = sandboxConfig(pod, {
    ...place,
    attempt,
    logDirectory: context.host.logDirectory(pod),
    cgroupParent: context.host.cgroupParent(pod),
  });
  try {
    const id = await context.runtime.runSandbox(config, life);
    await context.cache.refreshSandbox(id, life);
    return id;
  } catch (error) {
    // A sandbox that the runtime does not list may hold the name: one whose making was given up and
    // goes on there. The next attempt has another name.
    const isReserved = error instanceof RuntimeError && error.kind === "name-reserved";
    if (isReserved) state.sandboxAttemptMin = attempt + 1;
    // The runtime may have kept something under this attempt's name; learn of it.
    if (!life.aborted) await context.cache.relist(life);
    throw error;
  }
}

/** Makes a sandbox; its containers, which may be asked for meanwhile, wait until it is admitted. */
async function withNetwork(
  { context, state }: Operation,
  signal: AbortSignal,
  make: () => Promise<string>,
): Promise<void> {
  const { network } = context.ports;
  const ready = Promise.withResolvers<undefined>();
  state.networkReady = ready.promise;
  try {
    const sandboxId = await make();
    if (network === undefined) return;
    const status = await context.runtime.sandboxStatus(sandboxId, signal);
    const [address] = status?.ips ?? [];
    const { namespace = "", name = "" } = state.pod.metadata ?? {};
    if (address !== undefined) await network.admit({ namespace, name }, address, signal);
  } finally {
    ready.resolve(undefined);
  }
}
