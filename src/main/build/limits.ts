import { InvalidArgumentError } from "commander";
import type { ResourceLimit, RunLimits } from "#build/run/limits.ts";
import { parseUlimit } from "#oci/ulimit.ts";

/** The options that bound what RUN may use, as commander gives them. */
export interface LimitOptions {
  readonly shmSize?: number;
  readonly memory?: number;
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly ulimit: readonly string[];
}

export function limitsOf(options: LimitOptions): RunLimits {
  const { memory, memorySwap } = options;
  if (memorySwap !== undefined && memory === undefined) {
    throw new Error("--memory-swap bounds memory and swap together: give --memory, too");
  }
  return {
    shmBytes: options.shmSize,
    memoryBytes: memory,
    memorySwapBytes: memorySwap,
    cpuShares: options.cpuShares,
    cpuPeriod: options.cpuPeriod,
    cpuQuota: options.cpuQuota,
    cpusetCpus: options.cpusetCpus,
    cpusetMems: options.cpusetMems,
    resourceLimits: options.ulimit.map(resourceLimitOf),
  };
}

const limitNames: readonly string[] =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  );
/** RLIM_INFINITY as the largest number that JSON carries; the kernel takes it for all there is. */
const unlimited = Number.MAX_SAFE_INTEGER;

/** One `--ulimit` as the runtime takes it. @throws {Error} */
export function resourceLimitOf(text: string): ResourceLimit {
  const { name, soft, hard } = parseUlimit(text, limitNames);
  return {
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: soft === undefined ? unlimited : Number(soft),
    hard: hard === undefined ? unlimited : Number(hard),
  };
}

/** @throws {InvalidArgumentError} which commander shows with the option's name. */
export function parseCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}
