import type { ContainerStatus } from "#cri/runtime.ts";
import {
  containerAnnotations,
  containerHash,
  instancesOf,
  type PodContainer,
} from "./containers.ts";
import { operationKey, type Action, type KillCause, type PodInput } from "./input.ts";
import { containerResize } from "./resize.ts";
import { restartDelay, shouldRestart } from "./restart.ts";

/** What one container needs, seen alone. */
export type Decision =
  /** It runs, or an operation on it is under way. The id is undefined before it exists. */
  | { readonly kind: "keep"; readonly containerId: string | undefined }
  | { readonly kind: "start"; readonly attempt: number; readonly backoffMs: number }
  /** Held back; `backoffMs` is set when the cause is a crash loop. */
  | { readonly kind: "wait"; readonly untilMs: number; readonly backoffMs: number | undefined }
  | { readonly kind: "kill"; readonly action: Action }
  /** Ended, and never runs again. */
  | { readonly kind: "done" }
  /** A plain init container ended with an error and never runs again. */
  | { readonly kind: "failed" };

/** Decides for one container in the sandbox `sandboxId`, whose turn it is. Pure. */
export function decideContainer(
  input: PodInput,
  container: PodContainer,
  sandboxId: string,
): Decision {
  const { name } = container.spec;
  const instances = instancesOf(input.observed.containers, name);
  const newest = instances[0];
  if (input.busy.has(operationKey.start(name))) {
    return { kind: "keep", containerId: newest?.state === "running" ? newest.id : undefined };
  }
  if (newest === undefined) return decideStart(input, container, undefined);
  if (input.busy.has(operationKey.kill(newest.id))) return { kind: "keep", containerId: undefined };
  switch (newest.state) {
    case "running":
      return decideRunning(input, container, newest);
    case "created":
      return decideStart(input, container, newest);
    case "unknown":
      return killOf(input, container, newest, "unknown");
    case "exited":
      return decideExited(input, container, newest, sandboxId);
  }
}

function decideExited(
  input: PodInput,
  container: PodContainer,
  last: ContainerStatus,
  sandboxId: string,
): Decision {
  const { spec, role } = container;
  // A new sandbox runs its init containers again, whatever they did in the old one.
  const isFresh = role === "init" && last.sandboxId !== sandboxId;
  if (isFresh || input.replaced.has(last.id)) return decideStart(input, container, last);
  if (role === "init" && last.exitCode === 0) return { kind: "done" };
  if (shouldRestart(spec, policyFor(input, container), last.exitCode)) {
    return decideStart(input, container, last);
  }
  return role === "init" ? { kind: "failed" } : { kind: "done" };
}

/** An init container that failed is repeated unless the pod says never. */
function policyFor(input: PodInput, container: PodContainer): string | undefined {
  const policy = input.pod.spec?.restartPolicy;
  return container.role === "ephemeral" ? "Never" : policy;
}

function decideStart(
  input: PodInput,
  { spec }: PodContainer,
  last: ContainerStatus | undefined,
): Decision {
  const failure = input.failures.get(spec.name);
  if (failure !== undefined && failure.retryAtMs > input.nowMs) {
    return { kind: "wait", untilMs: failure.retryAtMs, backoffMs: undefined };
  }
  const attempt = nextAttempt(input, spec.name, last);
  if (last?.state !== "exited" || input.replaced.has(last.id)) {
    return { kind: "start", attempt, backoffMs: 0 };
  }
  const { waitMs, nextBackoffMs } = restartDelay(last);
  const untilMs = last.finishedAtMs + waitMs;
  if (untilMs > input.nowMs) return { kind: "wait", untilMs, backoffMs: waitMs };
  return { kind: "start", attempt, backoffMs: nextBackoffMs };
}

/** The restart count of the next instance: never lower than what the API already shows. */
function nextAttempt(input: PodInput, name: string, last: ContainerStatus | undefined): number {
  if (last !== undefined) return last.metadata.attempt + 1;
  const status = input.pod.status;
  const known = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
  ].find((it) => it.name === name);
  return known?.containerID === undefined ? 0 : known.restartCount + 1;
}

function decideRunning(
  input: PodInput,
  container: PodContainer,
  running: ContainerStatus,
): Decision {
  const hash = running.annotations[containerAnnotations.hash];
  const isChangeable = container.role === "regular" || container.role === "sidecar";
  if (isChangeable && hash !== undefined && hash !== containerHash(container.spec)) {
    return killOf(input, container, running, "changed");
  }
  const probes = input.probes.get(running.id);
  if (probes?.startup === "failure") return killOf(input, container, running, "startup");
  if (probes?.liveness === "failure") return killOf(input, container, running, "liveness");
  const isGrown = input.actuated.group !== "granted";
  if (isGrown && containerResize(container, running.id, input.actuated) === "restart") {
    return killOf(input, container, running, "resize");
  }
  return { kind: "keep", containerId: running.id };
}

function killOf(
  input: PodInput,
  container: PodContainer,
  target: ContainerStatus,
  cause: KillCause,
): Decision {
  const { name } = container.spec;
  const isReplaced = cause === "changed" || cause === "resize";
  const restarts = isReplaced || shouldRestart(container.spec, policyFor(input, container), 137);
  const ending = restarts && cause !== "resize" ? ", will be restarted" : "";
  const message = `${causeText(cause, container)}${ending}`;
  return {
    kind: "kill",
    action: {
      kind: "kill",
      containerId: target.id,
      container: name,
      graceSeconds: graceOf(input, container, cause),
      cause,
      message,
      replace: isReplaced,
    },
  };
}

/** The wording is upstream's: people and tools look for it in events. */
function causeText(cause: KillCause, { spec, role }: PodContainer): string {
  const subject = `${role === "sidecar" ? "Init container" : "Container"} ${spec.name}`;
  switch (cause) {
    case "changed":
      return `${subject} definition changed`;
    case "resize":
      return `Container ${spec.name} resize requires restart`;
    case "liveness":
      return `${subject} failed liveness probe`;
    case "startup":
      return `${subject} failed startup probe`;
    case "unknown":
    case "sandbox":
    case "stopping":
      return 'Container is in "unknown" state, try killing it before restart';
  }
}

/** A probe's own grace period goes before the pod's. */
function graceOf(input: PodInput, { spec }: PodContainer, cause: KillCause): number {
  const probe =
    cause === "liveness" ? spec.livenessProbe : cause === "startup" ? spec.startupProbe : undefined;
  return (
    probe?.terminationGracePeriodSeconds ?? input.pod.spec?.terminationGracePeriodSeconds ?? 30
  );
}
