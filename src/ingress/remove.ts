import { rm } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import { endProxies } from "./haproxy/haproxy.ts";

/** Ends every proxy of the directory and removes its files. Nothing there is success. */
export async function removeIngress(directory: string, clock: Clock): Promise<void> {
  await endProxies(directory, clock);
  await rm(directory, { recursive: true, force: true });
}
