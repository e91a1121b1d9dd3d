import { readFileSync, readdirSync } from "node:fs";

const ticksPerSecond = 100;

/** Seconds of CPU, user and system, that a process and all its threads have used. */
export function cpuSecondsOf(pid: number): number {
  const [own, other] = cpuFields(pid);
  return (own + other) / ticksPerSecond;
}

/** The same with all its children that have ended, and theirs. */
export function cpuSecondsOfTree(pid: number): number {
  return cpuFields(pid).reduce((sum, it) => sum + it, 0) / ticksPerSecond;
}

/** User, system, user of children, system of children. */
function cpuFields(pid: number): [number, number, number, number] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The command's name is in brackets and may hold anything; fields count from after it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return [Number(fields[11]), Number(fields[12]), Number(fields[13]), Number(fields[14])];
}

/** As {@link cpuSecondsOf}, with what its children used that have ended; 0 when it is gone. */
export function cpuSecondsWithChildren(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields.slice(11, 15).reduce((sum, it) => sum + Number(it), 0) / ticksPerSecond;
  } catch {
    return 0;
  }
}

/** Resident memory in bytes; 0 when the process is gone. */
export function residentBytesOf(pid: number): number {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ");
    return Number(pages) * 4_096;
  } catch {
    return 0;
  }
}

/** Memory in bytes, shared pages divided among those that share them; 0 when the process is gone. */
export function pssBytesOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

/** Processes whose command line holds `text`, this one left out. */
export function processesWith(text: string): { readonly pid: number; readonly command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ");
      if (command.includes(text)) found.push({ pid: Number(name), command });
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
