import { InvalidArgumentError } from "commander";
import type { ResourceLimit, RunLimits } from "#build/run/limits.ts";

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
    resourceLimits: options.ulimit.map(parseUlimit),
  };
}

const limitNames: readonly string[] =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  );
/** RLIM_INFINITY as the largest number that JSON carries; the kernel takes it for all there is. */
const unlimited = Number.MAX_SAFE_INTEGER;

/** `nofile=1024`, `nofile=1024:2048`; -1 for no limit. @throws {Error} */
export function parseUlimit(text: string): ResourceLimit {
  const [, name = "", soft = "", hard = soft] = /^(\w+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? [];
  if (!limitNames.includes(name)) {
    throw new Error(
      `--ulimit ${text}: expected name=soft[:hard], name one of ${limitNames.join(", ")}`,
    );
  }
  const limit = {
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: soft === "-1" ? unlimited : Number(soft),
    hard: hard === "-1" ? unlimited : Number(hard),
  };
  if (limit.soft > limit.hard)
    throw new Error(`--ulimit ${text}: the soft limit is above the hard one`);
  return limit;
}

/** @throws {InvalidArgumentError} which commander shows with the option's name. */
export function parseCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a whole number");
}
