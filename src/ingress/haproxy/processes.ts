import { readdir, readFile } from "node:fs/promises";

/** A proxy of ours that runs, and the number of its generation. */
export interface ProxyProcess {
  readonly pid: number;
  readonly generation: number;
}

export function generationDirectory(directory: string, generation: number): string {
  return `${directory}/g${generation}`;
}

/** The proxies that run on configurations below the directory, oldest generation first. */
export async function findProxies(directory: string): Promise<ProxyProcess[]> {
  const found: ProxyProcess[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const generation = generationOf(await commandLineOf(name), directory);
    if (generation !== undefined) found.push({ pid: Number(name), generation });
  }
  return found.toSorted((a, b) => a.generation - b.generation);
}

/** Arguments of a process; none when it is gone, or has ended and is not yet reaped. */
async function commandLineOf(pid: string): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return text.split("\0");
}

function generationOf(args: readonly string[], directory: string): number | undefined {
  const file = args[args.indexOf("-f") + 1] ?? "";
  const start = `${directory}/g`;
  if (args[0]?.endsWith("/haproxy") !== true || !file.startsWith(start)) return undefined;
  const [, digits] = /^(\d+)\/haproxy\.cfg$/.exec(file.slice(start.length)) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** A process that is gone meanwhile is success. */
export function signalProxy(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
