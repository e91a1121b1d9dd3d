import type { PodStatus } from "#api/gen/types.ts";
import type { PodInput } from "./input.ts";
import type { ResizeProgress } from "./resize.ts";

/** What a pod's status is computed from. */
export interface StatusInput extends PodInput {
  /** The status last known: from the API, or written since. */
  readonly previous: PodStatus;
  /** The plan says that the pod's containers end or have ended. */
  readonly stopping: boolean;
  /** By container name: why it does not run though it should. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message: string }>;
  readonly resize: ResizeProgress;
  /** `containerd`: the scheme of container ids. */
  readonly runtimeName: string;
  /** Addresses of the node, the first of each family. */
  readonly hostIps: readonly string[];
}

/** True when nothing of the pod runs any more and nothing is being started. */
export function isQuiet(input: PodInput): boolean {
  const alive = input.observed.containers.some(
    (it) => it.state === "running" || it.state === "unknown",
  );
  const starting = [...input.busy].some((it) => it === "sandbox" || it.startsWith("start:"));
  return !alive && !starting;
}
