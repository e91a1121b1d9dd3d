import { readdir, readFile, writeFile } from "node:fs/promises";

/** What the kernel says of a process; see proc(5). */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** Empty for a kernel thread and for a process that has ended but was not reaped. */
  readonly commandLine: readonly string[];
}

/** Every process of the machine. Those that end while we look are left out. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const names = (await readdir("/proc")).filter((it) => /^\d+$/.test(it));
  const entries = await Promise.all(names.map((it) => readProcess(Number(it))));
  return entries.filter((it) => it !== undefined);
}

/** `undefined` when there is no such process, or only its exit status is left of it. */
export async function readProcess(pid: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "latin1"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    // The second field is the command in brackets, which may hold anything.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    return {
      pid,
      parentPid: Number(parent),
      commandLine: commandLine.split("\0").filter((it) => it !== ""),
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The process and everything that it started, children last. */
export function withDescendants(roots: readonly number[], all: readonly ProcessEntry[]): number[] {
  const found = [...roots];
  for (const pid of found) {
    found.push(
      ...all.filter((it) => it.parentPid === pid && !found.includes(it.pid)).map((it) => it.pid),
    );
  }
  return found;
}

/**
 * Whether this process may make a process less likely to be killed when memory runs out: tried on
 * ourselves. Containers in containers and CI machines often may not (CAP_SYS_RESOURCE).
 */
export async function canLowerOomScore(): Promise<boolean> {
  const path = "/proc/self/oom_score_adj";
  const before = (await readFile(path, "latin1")).trim();
  const lower = Number(before) - 1;
  if (lower < -1000) return false;
  try {
    await writeFile(path, String(lower));
    await writeFile(path, before);
    return true;
  } catch (error) {
    if (hasCode(error, "EACCES") || hasCode(error, "EPERM")) return false;
    throw error;
  }
}

/** A file or process that is not there (any more). */
export function isGone(error: unknown): boolean {
  return hasCode(error, "ENOENT") || hasCode(error, "ESRCH");
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Sends a signal; `false` when there is no such process. */
export function signalProcess(pid: number, signal: "SIGTERM" | "SIGKILL" | number): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
