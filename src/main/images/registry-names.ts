import { hostname } from "node:os";
import { join } from "node:path";
import { readFileIfPresent } from "#pki/files.ts";
import { anyAddress, machineAddress } from "#main/network/network-plan.ts";
import type { Paths } from "#main/process/paths.ts";

const defaultRegistryPort = 5_000;

/**
 * Whether a registry's name in an image's name means this installation's registry: `localhost:5000`,
 * and the machine's name and addresses with the same port.
 */
export function ownNames(port: number, addresses: readonly string[]): (host: string) => boolean {
  const hosts = ["localhost", "127.0.0.1", "[::1]", hostname().toLowerCase(), ...addresses];
  const names = new Set(hosts.map((it) => `${it}:${port}`));
  return (host) => port !== 0 && names.has(host.toLowerCase());
}

/**
 * Addresses at which other machines' nodes reach the registry: those that this machine's nodes use,
 * and the machine's own. None when the API server too is for this machine alone.
 */
export function registryAddresses(at: {
  /** Where the API server listens. */
  readonly host: string;
  /** At which this installation's nodes reach the machine. */
  readonly address: string;
}): readonly string[] {
  if (isLoopback(at.host)) return [];
  const own = anyAddress.includes(at.host) ? machineAddress() : at.host;
  return [...new Set([at.address, own])].filter((it) => !isLoopback(it));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** Where `gantry up` notes its registry's port, for commands that run beside it. */
export function registryPortFile(paths: Paths): string {
  return join(paths.data, "registry", "port");
}

/** The port of the installation's own registry, whether it runs or not. */
export async function registryPortOf(paths: Paths): Promise<number> {
  const text = await readFileIfPresent(registryPortFile(paths));
  return text === undefined ? defaultRegistryPort : Number(text.trim());
}

/** Of those who may push; `gantry registry passwd` writes it. */
export function usersFileOf(paths: Paths): string {
  return join(paths.data, "registry", "users");
}
