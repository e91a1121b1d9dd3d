import type { Pod, PodStatus, ResourceRequirements } from "#api/gen/types.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Runtime } from "#cri/runtime.ts";
import type { Limiter } from "#kubelet/limiter.ts";
import type { KubeletMetrics } from "#kubelet/metrics/kubelet-metrics.ts";
import type { KubeletPorts, PodHost } from "#kubelet/ports.ts";
import type { Hooks } from "#kubelet/probes/hooks.ts";
import type { Prober } from "#kubelet/probes/prober.ts";
import type { UsageSource } from "#kubelet/server/usage.ts";
import type { Actuated, Allocation } from "./allocation.ts";
import type { PodContainer } from "./containers.ts";
import type { NodeDns } from "./dns.ts";
import type { Images } from "./images.ts";
import type { Failure, Verdict } from "./input.ts";
import type { Operations } from "./operations.ts";
import type { ResizeProgress } from "./resize.ts";
import type { RuntimeCache } from "./runtime-cache.ts";

/** The node as its pods see it. */
export interface NodeView {
  readonly name: string;
  readonly hostIps: readonly string[];
  readonly memoryBytes: number;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly dns: NodeDns;
  /** Profiles that `localhostProfile` names are below it. */
  readonly seccompDirectory: string;
}

/** What the work on pods needs; one for all pods of a node. */
export interface PodContext {
  readonly ports: KubeletPorts;
  readonly runtime: Runtime;
  /** `containerd`: the scheme of container ids. */
  readonly runtimeName: string;
  readonly host: PodHost;
  readonly usage: UsageSource;
  readonly images: Images;
  readonly cache: RuntimeCache;
  readonly hooks: Hooks;
  readonly prober: Prober;
  /** Bounds the sandboxes and containers that the runtime starts at a time. */
  readonly starts: Limiter;
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: () => NodeView;
  /** Why a pod may not run here beside `others`, or not with what it asks; undefined: it may. */
  readonly admit: (pod: Pod, others: readonly Pod[]) => Verdict | undefined;
  /** Asks the API for the node as it is now; {@link admit} goes by that. */
  readonly refreshNode: (signal: AbortSignal) => Promise<void>;
}

/** What is remembered of one pod. All of it may be lost: it is rebuilt, or tried again. */
export interface PodState {
  readonly uid: string;
  /** As the API has it, or had it last. */
  desired: Pod;
  /** The same, with the resources that the node has granted. */
  pod: Pod;
  allocation: Allocation;
  resize: ResizeProgress;
  /** See {@link Actuated}. */
  readonly actuated: {
    readonly containers: Map<string, ResourceRequirements>;
    pod: ResourceRequirements | undefined;
    group: Actuated["group"];
  };
  vanished: boolean;
  /** When the node first heard of it, monotonic milliseconds. */
  readonly seenAt: number;
  admitted: boolean;
  /** Whether the API was asked for the node's labels because the pod wants others. */
  nodeAsked: "no" | "asking" | "answered";
  readonly operations: Operations;
  readonly failures: Map<string, Failure>;
  readonly killDeadlines: Map<string, number>;
  readonly replaced: Set<string>;
  readonly stoppedSandboxes: Set<string>;
  verdict: Verdict | undefined;
  stoppingSinceMs: number | undefined;
  tornDown: boolean;
  /** By container name: the end of the restart back-off that an event told of. */
  readonly toldBackoffs: Map<string, number>;
  /** Attempts below it have names that the runtime holds for sandboxes it does not list. */
  sandboxAttemptMin: number;
  /** Resolves, also after a failure, when containers may begin; undefined for a sandbox found here. */
  networkReady: Promise<undefined> | undefined;
  /** Failed attempts at a sandbox in a row. */
  sandboxFailures: number;
  /** The status last written by us, and the pod's revision with it. */
  written: { readonly resourceVersion: string; readonly status: PodStatus } | undefined;
  /** The last patch of the status and when it was sent, to notice a server that does not take it. */
  lastPatch: { readonly text: string; readonly atMs: number } | undefined;
}

/** Where an operation happens. */
export interface Operation {
  readonly context: PodContext;
  readonly state: PodState;
  /** The node agent's own life: what must not stop half done when only the pod's need ends. */
  readonly life: AbortSignal;
}

export function warn(
  { context, state }: Operation,
  reason: string,
  message: string,
  container?: PodContainer,
): void {
  context.ports.events.pod(state.pod, { type: "Warning", reason, message, container });
}

export function tell(
  { context, state }: Operation,
  reason: string,
  message: string,
  container?: PodContainer,
): void {
  context.ports.events.pod(state.pod, { type: "Normal", reason, message, container });
}
