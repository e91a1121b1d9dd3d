import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";

interface Prerequisite {
  /** The package of Debian and Ubuntu. */
  readonly package: string;
  /** Any of these programs will do. */
  readonly programs: readonly string[];
}

const binaryFolders = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];
const pluginFolders = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/** What a node with real containers runs. */
const prerequisites: readonly Prerequisite[] = [
  { package: "containerd", programs: within(binaryFolders, "containerd") },
  { package: "runc", programs: within(binaryFolders, "runc") },
  { package: "containernetworking-plugins", programs: within(pluginFolders, "ptp") },
  { package: "nftables", programs: within(binaryFolders, "nft") },
  { package: "conntrack", programs: within(binaryFolders, "conntrack") },
  { package: "iproute2", programs: within(binaryFolders, "ip") },
  { package: "util-linux", programs: within(binaryFolders, "nsenter") },
  { package: "mount", programs: within(binaryFolders, "mount") },
  { package: "busybox-static", programs: within(binaryFolders, "busybox") },
];

function within(folders: readonly string[], program: string): string[] {
  return folders.map((it) => `${it}/${program}`);
}

/** Packages whose programs are not on this machine. */
export function missingPackages(): string[] {
  return prerequisites.filter((it) => !it.programs.some(isExecutable)).map((it) => it.package);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us: the same to the caller.
  }
}

/**
 * Installs what is missing, saying so through `say`.
 * @throws {Error} naming the exact command, where it may not install or the install fails.
 */
export function ensurePrerequisites(mayInstall: boolean, say: (line: string) => void): void {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const install = ["install", "-y", "--no-install-recommends", ...missing];
  const command = `apt-get update && apt-get ${install.join(" ")}`;
  if (!mayInstall || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`this machine lacks ${missing.join(", ")}; as root, run: ${command}`);
  }
  say(`installing with apt-get: ${missing.join(" ")}`);
  if (apt(install)) return;
  if (apt(["update"]) && apt(install)) return;
  throw new Error(`the install failed; see why by running: ${command}`);
}

function apt(args: readonly string[]): boolean {
  // Its services must not start: Gantry runs a containerd of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const result = spawnSync("apt-get", ["-qq", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env,
  });
  return result.status === 0;
}
