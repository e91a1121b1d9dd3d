import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { describeError } from "#base/log.ts";
import type { IngressPorts } from "#main/network/node-ingress.ts";

interface Prerequisite {
  /** The package of Debian and Ubuntu. */
  readonly package: string;
  /** Any of these programs will do. */
  readonly programs: readonly string[];
}

/** What the choice of packages depends on. */
export interface PrerequisiteOptions extends IngressPorts {
  /** False: never run apt-get, name the command instead. */
  readonly install: boolean;
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

/** What a node does without when it cannot be had: it serves no Ingresses then. */
const ingressProxy: Prerequisite = {
  package: "haproxy",
  programs: within(binaryFolders, "haproxy"),
};

function within(folders: readonly string[], program: string): string[] {
  return folders.map((it) => `${it}/${program}`);
}

/** Packages whose programs are not on this machine. */
export function missingPackages(): string[] {
  return prerequisites.filter(isMissing).map((it) => it.package);
}

function isMissing(it: Prerequisite): boolean {
  return !it.programs.some(isExecutable);
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
export function ensurePrerequisites(
  options: PrerequisiteOptions,
  say: (line: string) => void,
): void {
  const required = missingPackages();
  const servesIngress = options.ingressHttpPort !== 0 || options.ingressHttpsPort !== 0;
  const lacksProxy = servesIngress && isMissing(ingressProxy);
  try {
    install([...required, ...(lacksProxy ? [ingressProxy.package] : [])], options.install, say);
  } catch (error) {
    if (!lacksProxy) throw error;
    // With what is required alone, a node runs.
    install(required, options.install, say);
    say(`Ingresses are not served: ${describeError(error)}`);
  }
}

function install(
  missing: readonly string[],
  mayInstall: boolean,
  say: (line: string) => void,
): void {
  if (missing.length === 0) return;
  const args = ["install", "-y", "--no-install-recommends", ...missing];
  const command = `apt-get update && apt-get ${args.join(" ")}`;
  if (!mayInstall || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(`this machine lacks ${missing.join(", ")}; as root, run: ${command}`);
  }
  say(`installing with apt-get: ${missing.join(" ")}`);
  if (apt(args)) return;
  if (apt(["update"]) && apt(args)) return;
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
