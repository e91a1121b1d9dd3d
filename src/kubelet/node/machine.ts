import { readFile, statfs } from "node:fs/promises";
import { arch, availableParallelism, platform, release } from "node:os";
import type { MachineFacts } from "./node-object.ts";

/** Go's names of processors, which Kubernetes uses. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** Reads what the machine is and has now. `directory` is on the disk that pods use. */
export async function readMachine(directory: string): Promise<MachineFacts> {
  const [memory, disk, release_, load] = await Promise.all([
    readText("/proc/meminfo"),
    statfs(directory),
    readText("/etc/os-release"),
    readText("/proc/loadavg"),
  ]);
  const machineId = await readText("/etc/machine-id");
  return {
    cpuCount: availableParallelism(),
    memoryBytes: memoryField(memory, "MemTotal"),
    memoryAvailableBytes: memoryField(memory, "MemAvailable"),
    diskBytes: disk.blocks * disk.bsize,
    diskAvailableBytes: disk.bavail * disk.bsize,
    processes: Number(/\/(\d+) /.exec(load)?.[1] ?? 0),
    processesMax: Number(await readText("/proc/sys/kernel/pid_max")) || 32_768,
    machineId,
    systemUuid: (await readText("/sys/class/dmi/id/product_uuid")) || machineId,
    bootId: await readText("/proc/sys/kernel/random/boot_id"),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(release_)?.[1] ?? "Linux",
    operatingSystem: platform(),
    architecture: architectures[arch()] ?? arch(),
  };
}

/** Empty when there is no such file: not every machine has them all. */
async function readText(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return "";
  }
}

function memoryField(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

/** A machine that does not exist, for simulated nodes. */
export function imaginaryMachine(
  name: string,
  size: { readonly cpuCount: number; readonly memoryBytes: number },
): MachineFacts {
  const gibibyte = 1024 ** 3;
  return {
    ...size,
    memoryAvailableBytes: size.memoryBytes,
    diskBytes: 100 * gibibyte,
    diskAvailableBytes: 100 * gibibyte,
    processes: 1,
    processesMax: 32_768,
    machineId: name,
    systemUuid: name,
    bootId: name,
    kernelVersion: "0.0.0-simulated",
    osImage: "Simulated",
    operatingSystem: "linux",
    architecture: "amd64",
  };
}
