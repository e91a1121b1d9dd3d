import type { Operation } from "./context.ts";
import { createSandbox } from "./create-sandbox.ts";
import { operationKey, type Action } from "./input.ts";
import { killContainer } from "./kill-container.ts";
import { resizePod } from "./resize-pod.ts";
import { startContainer } from "./start-container.ts";

/** A pod that is still seen so long after its deletion is deleted again. */
const deletedAgainMs = 10_000;

/** Does one action. @throws when it is to be tried again after a pause. */
export async function perform(
  operation: Operation,
  action: Action,
  signal: AbortSignal,
): Promise<void> {
  const { context, state } = operation;
  const { runtime, cache, host } = context;
  switch (action.kind) {
    case "create-sandbox":
      await createSandbox(operation, action, signal);
      return;
    case "start":
      await startContainer(operation, action, signal);
      return;
    case "kill":
      await killContainer(operation, action, signal);
      return;
    case "resize":
      await resizePod(operation, signal);
      return;
    case "stop-sandbox":
      await runtime.stopSandbox(action.sandboxId, signal);
      state.stoppedSandboxes.add(action.sandboxId);
      await cache.refreshSandbox(action.sandboxId, signal);
      return;
    case "remove-container":
      await runtime.removeContainer(action.id, signal);
      await cache.refreshContainer(action.id, signal);
      return;
    case "remove-sandbox":
      await runtime.removeSandbox(action.id, signal);
      await cache.refreshSandbox(action.id, signal);
      return;
    case "tear-down":
      await host.tearDown(state.pod, signal);
      context.ports.objects.release(state.uid);
      state.tornDown = true;
      return;
    case "delete":
      await deletePod(operation, signal);
      return;
    case "forget":
      await host.forget(state.pod, signal);
      return;
  }
}

async function deletePod({ context, state }: Operation, signal: AbortSignal): Promise<void> {
  const { namespace = "", name = "" } = state.pod.metadata ?? {};
  await context.ports.api.deletePod({ namespace, name }, state.uid, signal);
  // The watch tells when it is gone; until then it still seems to be there.
  state.operations.hold(operationKey.delete, deletedAgainMs);
}
