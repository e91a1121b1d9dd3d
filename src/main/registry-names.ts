import { hostname } from "node:os";
import { join } from "node:path";
import type { Paths } from "./paths.ts";

/**
 * Whether a registry's name in an image's name means this installation's registry: `localhost:5000`,
 * and the machine's name and addresses with the same port.
 */
export function ownNames(port: number, addresses: readonly string[]): (host: string) => boolean {
  const hosts = ["localhost", "127.0.0.1", "[::1]", hostname().toLowerCase(), ...addresses];
  const names = new Set(hosts.map((it) => `${it}:${port}`));
  return (host) => port !== 0 && names.has(host.toLowerCase());
}

/** Where `gantry up` notes its registry's port, for commands that run beside it. */
export function registryPortFile(paths: Paths): string {
  return join(paths.data, "registry", "port");
}
