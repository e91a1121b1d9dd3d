import type { Platform } from "./state.ts";

const systems: readonly string[] = ["linux", "windows", "darwin", "freebsd", "wasi"];
/** Other names of processors: containerd's `platforms/database.go`. */
const architectures: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  i386: "386",
  armhf: "arm",
};

/**
 * Reads `linux/arm64/v8`, `linux` or `arm64`; what is not said is the host's.
 * @throws {Error} for anything else.
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.toLowerCase().split("/");
  const [first = "", second, variant] = parts;
  if (parts.length > 3 || !parts.every((it) => /^[a-z0-9_.-]+$/.test(it))) {
    throw new Error(`invalid platform '${text}': expected os/architecture[/variant]`);
  }
  if (second === undefined && first === "local") return host;
  if (second === undefined && systems.includes(first)) return { ...host, os: first };
  const [os, written] = second === undefined ? [host.os, first] : [first, second];
  const architecture = architectures[written] ?? written;
  // v8 is what arm64 means without one.
  const isPlain = variant === undefined || (architecture === "arm64" && variant === "v8");
  return { os, architecture, ...(isPlain ? {} : { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}
