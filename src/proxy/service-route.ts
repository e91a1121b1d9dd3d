import { createHash } from "node:crypto";
import { runProgram } from "./run-program.ts";

export interface ServiceRoute {
  /** Full path of the `ip` program. */
  readonly ip: string;
  /** Addresses of services, `10.96.0.0/16`. */
  readonly serviceRange: string;
  /** Name of the node's nftables table; tells the routes of several nodes apart. */
  readonly table: string;
}

/**
 * Lets the machine itself send to services where it has no route to everywhere, and lets a service
 * without endpoints be refused: without a route neither gets as far as the rules. What reaches the
 * loopback device because no rule took it, is dropped by a rule.
 *
 * @param source the address that such connections come from.
 */
export async function ensureServiceRoute(
  { ip, serviceRange, table }: ServiceRoute,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const metric = String(metricOf(table));
  const route = [serviceRange, "dev", "lo", "src", source, "metric", metric];
  await runProgram(ip, ["-4", "route", "replace", ...route], signal);
}

/** No route is success. */
export async function removeServiceRoute(
  { ip, serviceRange, table }: ServiceRoute,
  signal: AbortSignal,
): Promise<void> {
  const route = [serviceRange, "dev", "lo", "metric", String(metricOf(table))];
  const present = await runProgram(ip, ["-4", "route", "show", ...route], signal);
  if (present.trim() === "") return;
  await runProgram(ip, ["-4", "route", "del", ...route], signal);
}

/** Another one for each table; below that of any route that a person makes without naming one. */
function metricOf(table: string): number {
  const digest = createHash("sha256").update(table).digest();
  return 4_096 + (digest.readUInt32BE(0) % 1_000_000);
}
