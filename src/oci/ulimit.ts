/** A limit of a process, as Docker's `--ulimit` gives it; undefined: none. */
export interface Ulimit {
  readonly name: string;
  readonly soft: bigint | undefined;
  readonly hard: bigint | undefined;
}

/** `nofile=1024`, `nofile=1024:2048`; -1 for no limit. @throws {Error} */
export function parseUlimit(text: string, names: readonly string[]): Ulimit {
  const [, name = "", soft = "", hard = soft] = /^(\w+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? [];
  if (!names.includes(name)) {
    throw new Error(`--ulimit ${text}: expected NAME=SOFT[:HARD], of ${names.join(", ")}`);
  }
  const limit = { name, soft: amountOf(soft), hard: amountOf(hard) };
  if (limit.hard !== undefined && (limit.soft === undefined || limit.soft > limit.hard)) {
    throw new Error(
      `--ulimit ${text}: the soft limit must be less than or equal to the hard limit`,
    );
  }
  return limit;
}

function amountOf(text: string): bigint | undefined {
  return text === "-1" ? undefined : BigInt(text);
}
