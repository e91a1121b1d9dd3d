import { writeFile } from "node:fs/promises";
import { runProgram } from "#proxy/run-program.ts";

/**
 * Lets packets of the node's loopback go out to a pod and its answers come back: the kernel drops
 * both unless the pod's device says `route_localnet`. The setting goes with the device.
 *
 * @param ip full path of the `ip` program.
 * @throws {Error} when no device of its own leads to the address.
 */
export async function openPodLoopback(
  ip: string,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  const route = await runProgram(ip, ["-4", "route", "get", address], signal);
  const device = deviceOf(route);
  if (device === undefined) throw new Error(`no device leads to ${address}: ${route.trim()}`);
  await writeFile(`/proc/sys/net/ipv4/conf/${device}/route_localnet`, "1");
}

/** Undefined where the route has a gateway: the address is no longer of a pod of the node. */
function deviceOf(route: string): string | undefined {
  if (/ via /.test(route)) return undefined;
  const device = / dev (\S+)/.exec(route)?.[1];
  return device === undefined || device === "lo" || device.includes("/") ? undefined : device;
}
