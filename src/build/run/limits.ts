/** What commands of RUN may use; undefined for no bound but the machine's. */
export interface RunLimits {
  /** Of `/dev/shm`. */
  readonly shmBytes?: number | undefined;
  readonly memoryBytes?: number | undefined;
  /** Memory and swap together; -1 for no bound. */
  readonly memorySwapBytes?: number | undefined;
  readonly cpuShares?: number | undefined;
  /** Microseconds. */
  readonly cpuPeriod?: number | undefined;
  /** Microseconds in each period. */
  readonly cpuQuota?: number | undefined;
  /** Processors as `0-3,5`. */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  readonly resourceLimits: readonly ResourceLimit[];
}

/** setrlimit(2), as the OCI runtime specification has it. */
export interface ResourceLimit {
  /** `RLIMIT_NOFILE` */
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

/** `memory` and `cpu` of the runtime's resources, without what is not set. */
export function resourcesOf(limits: RunLimits): object {
  const memory = { limit: limits.memoryBytes, swap: limits.memorySwapBytes };
  const cpu = {
    shares: limits.cpuShares,
    period: limits.cpuPeriod,
    quota: limits.cpuQuota,
    cpus: limits.cpusetCpus,
    mems: limits.cpusetMems,
  };
  return { ...group("memory", memory), ...group("cpu", cpu) };
}

function group(
  name: string,
  values: Readonly<Record<string, number | string | undefined>>,
): object {
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  return set.length === 0 ? {} : { [name]: Object.fromEntries(set) };
}
