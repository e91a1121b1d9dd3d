import type { Pod } from "#api/gen/types.ts";
import {
  cpuPeriod,
  createCgroup,
  removeCgroup,
  setCgroupLimits,
  type CgroupLimits,
  type CgroupMounts,
} from "#cri/cgroups.ts";
import { qosClass } from "#kubelet/pod/qos.ts";
import { cpuShares, podLimits, podRequests } from "#kubelet/pod/resources.ts";
import type { PodCgroups } from "./disk-host.ts";

export interface CgroupTreeOptions {
  readonly mounts: CgroupMounts;
  /** Absolute from the hierarchies' root: `/kubepods`. One node, one root. */
  readonly root: string;
  /** Processes that one pod may have. */
  readonly podPidsMax: number;
}

/** The tree of upstream: `/kubepods/pod<uid>`, `/kubepods/burstable/pod<uid>`, `…/besteffort/…`. */
export class CgroupTree implements PodCgroups {
  readonly #options: CgroupTreeOptions;
  /** Groups made by this process, so that the next look need not ask the kernel. */
  readonly #made = new Set<string>();

  constructor(options: CgroupTreeOptions) {
    this.#options = options;
  }

  async ensure(pod: Pod): Promise<void> {
    const path = this.parentOf(pod);
    if (this.#made.has(path)) return;
    const { mounts, podPidsMax } = this.#options;
    await createCgroup(mounts, path);
    await setCgroupLimits(mounts, path, { ...limitsOf(pod), pidsMax: podPidsMax });
    this.#made.add(path);
  }

  parentOf(pod: Pod): string {
    const leaf = `pod${pod.metadata?.uid ?? ""}`;
    const qos = qosClass(pod);
    const { root } = this.#options;
    return qos === "Guaranteed" ? `${root}/${leaf}` : `${root}/${qos.toLowerCase()}/${leaf}`;
  }

  async remove(pod: Pod): Promise<void> {
    const leaf = `pod${pod.metadata?.uid ?? ""}`;
    const { root, mounts } = this.#options;
    // The class of a pod that is known from the runtime alone is not known.
    for (const parent of [root, `${root}/burstable`, `${root}/besteffort`]) {
      await removeCgroup(mounts, `${parent}/${leaf}`);
      this.#made.delete(`${parent}/${leaf}`);
    }
  }
}

function limitsOf(pod: Pod): CgroupLimits {
  const { cpuMillis } = podRequests(pod);
  const limits = podLimits(pod);
  return {
    cpuShares: cpuShares(cpuMillis),
    ...(limits.cpuMillis === undefined || limits.cpuMillis === 0
      ? {}
      : { cpuQuota: Math.floor((limits.cpuMillis * cpuPeriod) / 1000) }),
    ...(limits.memoryBytes === undefined || limits.memoryBytes === 0
      ? {}
      : { memoryLimitBytes: limits.memoryBytes }),
  };
}
