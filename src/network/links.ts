import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KernelRoute, NetworkNames } from "./commands.ts";
import type { LocalPrefix } from "./plan.ts";

const run = promisify(execFile);
/** Of a program's output; a route takes some 150 bytes. */
const outputBytesMax = 16 * 1024 * 1024;

/** A link of the machine with an IPv4 address. */
export interface Link extends LocalPrefix {
  readonly device: string;
  readonly mtu: number;
}

/** The links that are up, loopback left out. @throws {Error} when `ip` fails. */
export async function readLinks(signal: AbortSignal): Promise<readonly Link[]> {
  const links = (await askIp(["-4", "addr", "show", "up"], signal)) as {
    readonly ifname: string;
    readonly mtu: number;
    readonly flags: readonly string[];
    readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
  }[];
  return links
    .filter((it) => !it.flags.includes("LOOPBACK"))
    .flatMap(({ ifname: device, mtu, addr_info }) =>
      addr_info.map((it) => ({ device, mtu, address: it.local, length: it.prefixlen })),
    );
}

/** Our routes in the kernel. @throws {Error} when `ip` fails. */
export async function readRoutes(
  { routeProtocol }: NetworkNames,
  signal: AbortSignal,
): Promise<readonly KernelRoute[]> {
  const asked = ["-4", "route", "show", "proto", String(routeProtocol)];
  const routes = (await askIp(asked, signal)) as {
    readonly dst: string;
    readonly gateway?: string;
    readonly dev: string;
  }[];
  return routes.map(({ dst, gateway, dev }) => ({ cidr: dst, via: gateway ?? "", device: dev }));
}

export async function hasDevice(name: string, signal: AbortSignal): Promise<boolean> {
  const links = (await askIp(["link", "show"], signal)) as { readonly ifname: string }[];
  return links.some((it) => it.ifname === name);
}

/**
 * Removes a device; none is success. One that goes meanwhile, as the kernel takes a link away some
 * time after the network namespace of its other end, is none.
 */
export async function removeDevice(name: string, signal: AbortSignal): Promise<void> {
  if (!(await hasDevice(name, signal))) return;
  try {
    await run("ip", ["link", "delete", name], { signal });
  } catch (cause) {
    signal.throwIfAborted();
    if (!(await hasDevice(name, signal))) return;
    throw new Error(`remove the network device ${name} (ip link delete ${name})`, { cause });
  }
}

/**
 * Runs lines by `ip -batch` or `bridge -batch`, all of them even if one fails.
 * @throws {Error} with what the program said about those that failed.
 */
export async function runBatch(
  program: "ip" | "bridge",
  lines: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (lines.length === 0) return;
  const directory = await mkdtemp(join(tmpdir(), "gantry-ip-"));
  try {
    const file = join(directory, "batch");
    await writeFile(file, `${lines.join("\n")}\n`);
    await run(program, ["-force", "-batch", file], { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`change the pod network's routes with ${program}`, { cause });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Removes our routes and the tunnel; what is not there is success. */
export async function removePodNetwork(names: NetworkNames, signal: AbortSignal): Promise<void> {
  const { routeProtocol, tunnelDevice } = names;
  if ((await readRoutes(names, signal)).length > 0) {
    await runBatch("ip", [`route flush proto ${routeProtocol}`], signal);
  }
  await removeDevice(tunnelDevice, signal);
}

async function askIp(args: readonly string[], signal: AbortSignal): Promise<unknown[]> {
  const { stdout } = await run("ip", ["-json", ...args], { signal, maxBuffer: outputBytesMax });
  const parsed: unknown = stdout.trim() === "" ? [] : JSON.parse(stdout);
  // An address that was filtered away leaves an empty object behind.
  const list: unknown[] = Array.isArray(parsed) ? parsed : [];
  return list.filter((it) => Object.keys(it as object).length > 0);
}
