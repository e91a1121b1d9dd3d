import { UsageError } from "#containers/usage-error.ts";

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
    const [, name = "", soft = "", hard = soft] =
      /^([a-z]+)=(-1|unlimited|\d+)(?::(-1|unlimited|\d+))?$/.exec(text) ?? [];
    if (!limitNames.includes(name)) {
      throw new UsageError(
        `--ulimit ${text}: expected NAME=SOFT[:HARD], of ${limitNames.join(", ")}`,
      );
    }
    const [low, high] = [amountOf(soft), amountOf(hard)];
    if (high !== "unlimited" && (low === "unlimited" || BigInt(low) > BigInt(high))) {
      throw new UsageError(
        `--ulimit ${text}: the soft limit must be less than or equal to the hard limit`,
      );
    }
    return `${name}=${low}:${high}`;
  });
}

function amountOf(text: string): string {
  return text === "-1" ? "unlimited" : text;
}

/** `--pids-limit`: `pids=100`; none for -1 and 0, which mean no limit. @throws {UsageError} */
export function pidsWords(limit: string | undefined): string[] {
  if (limit === undefined || limit === "-1" || limit === "0") return [];
  if (/^[1-9]\d{0,8}$/.test(limit)) return [`pids=${limit}`];
  throw new UsageError(`--pids-limit ${limit}: expected a number, or -1 for no limit`);
}
