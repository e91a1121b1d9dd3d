import { describeError } from "#base/log.ts";
import { UsageError } from "#containers/usage-error.ts";
import { parseUlimit, type Ulimit } from "#oci/ulimit.ts";

/** Those that a node sets; prlimit(1) knows them by these names. */
const limitNames = [
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nofile",
  "nproc",
  "rss",
  "sigpending",
  "stack",
];

/** Limits of a process as its node reads them: `nofile=1024:2048 nproc=unlimited:unlimited`. */
export function ulimitWords(ulimits: readonly string[]): string[] {
  return ulimits.map((text) => {
    const { name, soft = "unlimited", hard = "unlimited" } = ulimitOf(text);
    return `${name}=${soft}:${hard}`;
  });
}

/** @throws {UsageError} */
function ulimitOf(text: string): Ulimit {
  try {
    return parseUlimit(text.replaceAll("unlimited", "-1"), limitNames);
  } catch (error) {
    throw new UsageError(describeError(error), { cause: error });
  }
}

/** `--pids-limit`: `pids=100`; none for -1 and 0, which mean no limit. @throws {UsageError} */
export function pidsWords(limit: string | undefined): string[] {
  if (limit === undefined || limit === "-1" || limit === "0") return [];
  if (/^[1-9]\d{0,8}$/.test(limit)) return [`pids=${limit}`];
  throw new UsageError(`--pids-limit ${limit}: expected a number, or -1 for no limit`);
}
