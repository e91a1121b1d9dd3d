import type { Pod } from "#api/gen/types.ts";
import {
  createCgroup,
  listCgroups,
  removeCgroup,
  setCgroupLimits,
  type CgroupLimits,
  type CgroupMounts,
} from "#cri/cgroups.ts";
import { qosClass, type QosClass } from "#kubelet/pod/qos.ts";
import { cpuQuotaUs, cpuShares, podLimits, podRequests } from "#kubelet/pod/resources.ts";
import type { PodCgroups } from "./disk-host.ts";

export interface CgroupTreeOptions {
  readonly mounts: CgroupMounts;
  /** Absolute from the hierarchies' root: `/kubepods`. One node, one root. */
  readonly root: string;
  /** Processes that one pod may have. */
  readonly podPidsMax: number;
}

interface Made {
  readonly path: string;
  readonly qos: QosClass;
  limits: PodCgroupLimits;
}

/**
 * The tree of upstream: `/kubepods/pod<uid>`, `/kubepods/burstable/pod<uid>`, `…/besteffort/…`. The
 * burstable pods together get processor time by what they ask for, the best-effort ones the least.
 */
export class CgroupTree implements PodCgroups {
  readonly #options: CgroupTreeOptions;
  /** Groups made by this process by the pod's uid, so that the next look need not ask the kernel. */
  readonly #made = new Map<string, Made>();
  #burstableShares: number | undefined;
  #isOpen = false;

  constructor(options: CgroupTreeOptions) {
    this.#options = options;
  }

  async ensure(pod: Pod): Promise<void> {
    const uid = uidOf(pod);
    if (this.#made.has(uid)) return;
    const { mounts, podPidsMax } = this.#options;
    await this.#open();
    const made = { path: this.parentOf(pod), qos: qosClass(pod), limits: podCgroupLimits(pod) };
    await createCgroup(mounts, made.path);
    await setCgroupLimits(mounts, made.path, { ...made.limits, pidsMax: podPidsMax });
    this.#made.set(uid, made);
    await this.#balance();
  }

  async resize(pod: Pod, step: "grow" | "settle"): Promise<void> {
    const made = this.#made.get(uidOf(pod));
    if (made === undefined) {
      await this.ensure(pod);
      return;
    }
    const wanted = podCgroupLimits(pod);
    const next = step === "settle" ? wanted : larger(made.limits, wanted);
    await setCgroupLimits(this.#options.mounts, made.path, next);
    made.limits = next;
    if (step === "settle") await this.#balance();
  }

  parentOf(pod: Pod): string {
    const leaf = `pod${uidOf(pod)}`;
    const qos = qosClass(pod);
    const { root } = this.#options;
    return qos === "Guaranteed" ? `${root}/${leaf}` : `${root}/${qos.toLowerCase()}/${leaf}`;
  }

  async remove(pod: Pod): Promise<void> {
    await this.#removeLeaf(uidOf(pod));
    await this.#balance();
  }

  /** Removes the groups of pods that nobody knows any more; one with processes in it stays. */
  async sweep(isKnown: (uid: string) => boolean): Promise<void> {
    const { mounts, root } = this.#options;
    for (const parent of [root, `${root}/burstable`, `${root}/besteffort`]) {
      for (const name of await listCgroups(mounts, parent)) {
        const uid = name.startsWith("pod") ? name.slice("pod".length) : undefined;
        if (uid === undefined || isKnown(uid)) continue;
        await removeCgroup(mounts, `${parent}/${name}`).catch(() => undefined); // In use: later.
      }
    }
  }

  async #removeLeaf(uid: string): Promise<void> {
    const { root, mounts } = this.#options;
    // The class of a pod that is known from the runtime alone is not known.
    for (const parent of [root, `${root}/burstable`, `${root}/besteffort`]) {
      await removeCgroup(mounts, `${parent}/pod${uid}`);
    }
    this.#made.delete(uid);
  }

  async #open(): Promise<void> {
    if (this.#isOpen) return;
    const { mounts, root } = this.#options;
    for (const name of ["burstable", "besteffort"]) {
      await createCgroup(mounts, `${root}/${name}`);
      await setCgroupLimits(mounts, `${root}/${name}`, { cpuShares: cpuShares(0) });
    }
    this.#isOpen = true;
  }

  async #balance(): Promise<void> {
    const burstable = [...this.#made.values()].filter((it) => it.qos === "Burstable");
    const millis = burstable.reduce((sum, it) => sum + it.limits.cpuMillis, 0);
    const shares = cpuShares(millis);
    if (shares === this.#burstableShares || !this.#isOpen) return;
    this.#burstableShares = shares;
    const { mounts, root } = this.#options;
    await setCgroupLimits(mounts, `${root}/burstable`, { cpuShares: shares });
  }
}

function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? "";
}

/** Limits of a pod's group, with -1 for none, and the request that its shares come from. */
export interface PodCgroupLimits extends Required<Omit<CgroupLimits, "pidsMax">> {
  readonly cpuMillis: number;
}

export function podCgroupLimits(pod: Pod): PodCgroupLimits {
  const { cpuMillis } = podRequests(pod);
  const limits = podLimits(pod);
  const { cpuMillis: cpuLimit = 0, memoryBytes = 0 } = limits;
  return {
    cpuMillis,
    cpuShares: cpuShares(cpuMillis),
    cpuQuota: cpuLimit === 0 ? -1 : cpuQuotaUs(cpuLimit),
    memoryLimitBytes: memoryBytes === 0 ? -1 : memoryBytes,
  };
}

/** Limits into which both fit. */
export function larger(left: PodCgroupLimits, right: PodCgroupLimits): PodCgroupLimits {
  const wider = (a: number, b: number): number => (a < 0 || b < 0 ? -1 : Math.max(a, b));
  return {
    cpuMillis: Math.max(left.cpuMillis, right.cpuMillis),
    cpuShares: Math.max(left.cpuShares, right.cpuShares),
    cpuQuota: wider(left.cpuQuota, right.cpuQuota),
    memoryLimitBytes: wider(left.memoryLimitBytes, right.memoryLimitBytes),
  };
}
