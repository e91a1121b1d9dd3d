import type { Pod } from "#api/gen/types.ts";

/** What a node, pod or container uses; see `CgroupUsage`. */
export interface ResourceUsage {
  /** Since the group was made. */
  readonly cpuNanoseconds: bigint;
  readonly memoryUsageBytes: number;
  readonly memoryWorkingSetBytes: number;
  /** Of a pod or container; threads count too. */
  readonly processes?: number;
  /** Of a node: when it was booted, in ms since the epoch, and memory beyond the working set. */
  readonly machine?: { readonly bootedAtMs: number; readonly memoryAvailableBytes: number };
}

/** Where the server learns what things use. Undefined: not known. */
export interface UsageSource {
  node(): Promise<ResourceUsage | undefined>;
  pod(pod: Pod): Promise<ResourceUsage | undefined>;
  /** By the runtime's id. */
  container(pod: Pod, containerId: string): Promise<ResourceUsage | undefined>;
}
