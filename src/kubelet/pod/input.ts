import type { Pod } from "#api/gen/types.ts";
import type { ContainerStatus, SandboxStatus } from "#cri/runtime.ts";
import type { Actuated } from "./allocation.ts";

/** The runtime's view of one pod. Both lists are newest first. */
export interface ObservedPod {
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly ContainerStatus[];
}

export type ProbeResult = "unknown" | "success" | "failure";

/** What the probes of one container instance last concluded. Absent: no such probe. */
export interface ProbeResults {
  readonly startup?: ProbeResult | undefined;
  readonly liveness?: ProbeResult | undefined;
  readonly readiness?: ProbeResult | undefined;
}

/** Why something could not be done, as the container's waiting state shows it. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** Not tried again before this moment, in milliseconds since the epoch. */
  readonly retryAtMs: number;
}

/** A decision that ends the pod whatever its containers do: rejected, evicted, past its deadline. */
export interface Verdict {
  readonly reason: string;
  readonly message: string;
  /** In place of the pod's own grace period. */
  readonly graceSeconds?: number;
  /** The node ends it for reasons of its own; told by the condition DisruptionTarget. */
  readonly isDisruption?: true;
  /** It was never let in, and so nothing of it ran. */
  readonly isRejection?: true;
}

/** Everything a decision about a pod depends on. */
export interface PodInput {
  /**
   * With the resources that the node has granted. For a pod that is gone from the API, its last
   * known form.
   */
  readonly pod: Pod;
  /** The API has no such pod any more: everything of it goes. */
  readonly vanished: boolean;
  readonly observed: ObservedPod;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbeResults>;
  readonly actuated: Actuated;
  /** By container name; the sandbox's own under {@link sandboxKey}. */
  readonly failures: ReadonlyMap<string, Failure>;
  /** Keys of operations under way; see {@link operationKey}. */
  readonly busy: ReadonlySet<string>;
  /** By container id: when a kill under way turns to SIGKILL, in milliseconds since the epoch. */
  readonly killDeadlines: ReadonlyMap<string, number>;
  /** Ids of containers killed to be replaced, whatever the restart policy says. */
  readonly replaced: ReadonlySet<string>;
  readonly verdict: Verdict | undefined;
  /** When the pod's end began on this node; undefined before. Milliseconds since the epoch. */
  readonly stoppingSinceMs: number | undefined;
  /** Ids of sandboxes that were stopped by us, so that their network is released. */
  readonly stoppedSandboxes: ReadonlySet<string>;
  /** The lowest attempt that a new sandbox may have. */
  readonly sandboxAttemptMin: number;
  /** Volumes, cgroup and directories of a finished pod are gone. */
  readonly tornDown: boolean;
  readonly nowMs: number;
}

/** The failure key of the sandbox; no container can have this name. */
export const sandboxKey = "";

/** Names of operations: at most one with the same key runs at a time. */
export const operationKey = {
  sandbox: "sandbox",
  tearDown: "tear-down",
  resize: "resize",
  delete: "delete",
  forget: "forget",
  node: "node",
  start: (name: string) => `start:${name}`,
  kill: (containerId: string) => `kill:${containerId}`,
  stop: (sandboxId: string) => `stop:${sandboxId}`,
  removeContainer: (id: string) => `remove-container:${id}`,
  removeSandbox: (id: string) => `remove-sandbox:${id}`,
} as const;

export type KillCause =
  "stopping" | "changed" | "resize" | "liveness" | "startup" | "unknown" | "sandbox";

export type Action =
  | { readonly kind: "create-sandbox"; readonly attempt: number }
  | { readonly kind: "stop-sandbox"; readonly sandboxId: string }
  | {
      readonly kind: "start";
      readonly container: string;
      readonly sandboxId: string;
      readonly attempt: number;
      /** Recorded with the new instance; see restart.ts. */
      readonly backoffMs: number;
    }
  | {
      readonly kind: "kill";
      readonly containerId: string;
      readonly container: string;
      readonly graceSeconds: number;
      readonly cause: KillCause;
      /** For the event; empty for the usual one. */
      readonly message: string;
      /** A new instance follows even where the restart policy would not have it. */
      readonly replace: boolean;
    }
  /** Puts granted resources into effect where that needs no restart. */
  | { readonly kind: "resize" }
  | { readonly kind: "remove-container"; readonly id: string }
  | { readonly kind: "remove-sandbox"; readonly id: string }
  | { readonly kind: "tear-down" }
  /** Deletes the pod from the API; its final status was written before. */
  | { readonly kind: "delete" }
  /** Nothing of the pod is left on the node; the worker ends. */
  | { readonly kind: "forget" };

export interface PodPlan {
  readonly actions: readonly Action[];
  /** Set when the pod's containers end or have ended for good. */
  readonly stopping: boolean;
  /** Every regular container ended and none of them runs again. */
  readonly finished: boolean;
  /** Set when this plan found a reason to fail the pod; the caller keeps it. */
  readonly verdict: Verdict | undefined;
  /** By container name: until when and how long its restart is held back. */
  readonly backoffs: ReadonlyMap<string, { readonly untilMs: number; readonly backoffMs: number }>;
  /** The moment at which to plan again without being asked; undefined for none. */
  readonly wakeAtMs: number | undefined;
}

/** The key under which an action runs as an operation. */
export function keyOf(action: Action): string {
  switch (action.kind) {
    case "create-sandbox":
      return operationKey.sandbox;
    case "stop-sandbox":
      return operationKey.stop(action.sandboxId);
    case "start":
      return operationKey.start(action.container);
    case "kill":
      return operationKey.kill(action.containerId);
    case "remove-container":
      return operationKey.removeContainer(action.id);
    case "remove-sandbox":
      return operationKey.removeSandbox(action.id);
    case "resize":
      return operationKey.resize;
    case "tear-down":
      return operationKey.tearDown;
    case "delete":
      return operationKey.delete;
    case "forget":
      return operationKey.forget;
  }
}
