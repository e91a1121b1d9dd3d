import { UsageError } from "#containers/usage-error.ts";

/** A flag of Docker's `run` that pods have nothing for, or one thing only. */
export interface RefusedFlag {
  /** As commander has it: `--device <path>`, `--oom-kill-disable`. */
  readonly flags: string;
  /** What takes its place. */
  readonly why: string;
  /** Values that say what is so in any case. */
  readonly accepted?: readonly string[];
}

const deviceWhy =
  "pods get devices from device plugins; --privileged gives all of the node's devices";
const blockWhy = "Kubernetes does not limit what containers read and write on disks";
const addressWhy = "addresses are given by the node; give it a --name and a --network instead";
const cgroupWhy = "the node makes the control group of a pod";
const realTimeWhy = "pods have no real-time share of processors";
const windowsWhy = "it is for containers of Windows";
const logWhy = "the node keeps and rotates the logs of all its containers alike: kubelet.yaml";

/** Flags that are told what is missing instead of being ignored. */
export const refusedFlags: readonly RefusedFlag[] = [
  { flags: "--blkio-weight <number>", why: blockWhy, accepted: ["0"] },
  { flags: "--blkio-weight-device <device>", why: blockWhy },
  { flags: "--cgroup-parent <path>", why: cgroupWhy },
  { flags: "--cgroupns <mode>", why: cgroupWhy, accepted: ["private"] },
  { flags: "--cpu-count <number>", why: windowsWhy },
  { flags: "--cpu-percent <number>", why: windowsWhy },
  { flags: "--cpu-rt-period <number>", why: realTimeWhy },
  { flags: "--cpu-rt-runtime <number>", why: realTimeWhy },
  {
    flags: "-c, --cpu-shares <number>",
    why: "pods weigh what is set aside for them: --memory-reservation, or requests with kubectl",
    accepted: ["0"],
  },
  { flags: "--cpuset-cpus <list>", why: "pods get processors by their number: --cpus" },
  { flags: "--cpuset-mems <list>", why: "pods do not choose memory nodes" },
  { flags: "--device <path>", why: deviceWhy },
  { flags: "--device-cgroup-rule <rule>", why: deviceWhy },
  { flags: "--device-read-bps <limit>", why: blockWhy },
  { flags: "--device-read-iops <limit>", why: blockWhy },
  { flags: "--device-write-bps <limit>", why: blockWhy },
  { flags: "--device-write-iops <limit>", why: blockWhy },
  { flags: "--domainname <name>", why: "a pod's domain is that of the cluster" },
  { flags: "--gpus <devices>", why: deviceWhy },
  { flags: "--io-maxbandwidth <bytes>", why: windowsWhy },
  { flags: "--io-maxiops <number>", why: windowsWhy },
  { flags: "--ip <address>", why: addressWhy },
  { flags: "--ip6 <address>", why: addressWhy },
  { flags: "--isolation <technology>", why: windowsWhy, accepted: ["", "default"] },
  { flags: "--kernel-memory <bytes>", why: "the kernel has no such limit any more" },
  { flags: "--link <container>", why: "those of a --network of yours find each other by name" },
  { flags: "--link-local-ip <address>", why: addressWhy },
  { flags: "--log-driver <driver>", why: logWhy, accepted: ["json-file", "local"] },
  { flags: "--log-opt <option>", why: logWhy },
  { flags: "--mac-address <address>", why: addressWhy },
  {
    flags: "--memory-swappiness <number>",
    why: "containers have no swap",
    accepted: ["-1", "0"],
  },
  { flags: "--oom-kill-disable", why: "a pod that is out of memory ends" },
  {
    flags: "--oom-score-adj <number>",
    why: "the kubelet sets it: the more --memory-reservation, the later a container is ended",
    accepted: ["0"],
  },
  {
    flags: "--runtime <name>",
    why: "other runtimes are runtime classes: run a pod with kubectl",
    accepted: ["runc", "io.containerd.runc.v2"],
  },
  {
    flags: "--storage-opt <option>",
    why: "pods limit ephemeral-storage: run one with kubectl",
  },
  { flags: "--use-api-socket", why: "there is no Docker API here" },
  { flags: "--userns <mode>", why: "the cluster's nodes do not map users", accepted: ["host"] },
  { flags: "--uts <mode>", why: "a container has the host name of its pod" },
  {
    flags: "--volume-driver <driver>",
    why: "volumes are of a storage class",
    accepted: ["local"],
  },
];

/** What commander calls the value of a flag: `cpusetCpus` of `--cpuset-cpus <list>`. */
export function keyOf(flags: string): string {
  const [, name = ""] = /--([\w-]+)/.exec(flags) ?? [];
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** @throws {UsageError} naming a flag that is given and cannot be, and what to do instead. */
export function checkRefused(given: Readonly<Record<string, unknown>>): void {
  for (const { flags, why, accepted = [] } of refusedFlags) {
    const value = given[keyOf(flags)];
    if (typeof value !== "string" && value !== true) continue;
    if (value !== true && accepted.includes(value)) continue;
    const [name = ""] = /--[\w-]+/.exec(flags) ?? [];
    const shown = value === true ? name : `${name} ${value}`;
    throw new UsageError(`${shown} is not supported: ${why}`);
  }
}
