// `./gantry check`: every check and test of the project, from a clean clone. Installs the system
// packages that the tests drive, saying so; where it may not, names the command.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** What the integration tests run, by the package of Debian that has it. */
const systemPackages: readonly { readonly name: string; readonly provides: readonly string[] }[] = [
  { name: "containerd", provides: ["/usr/bin/containerd", "/usr/local/bin/containerd"] },
  { name: "runc", provides: ["/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc"] },
  { name: "containernetworking-plugins", provides: ["/usr/lib/cni/ptp", "/opt/cni/bin/ptp"] },
  { name: "nftables", provides: ["/usr/sbin/nft"] },
  { name: "haproxy", provides: ["/usr/sbin/haproxy"] },
  { name: "conntrack", provides: ["/usr/sbin/conntrack"] },
  { name: "iproute2", provides: ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"] },
  { name: "skopeo", provides: ["/usr/bin/skopeo"] },
  { name: "busybox-static", provides: ["/usr/bin/busybox", "/bin/busybox"] },
  { name: "mmdebstrap", provides: ["/usr/bin/mmdebstrap"] },
  { name: "etcd-server", provides: ["/usr/bin/etcd", "/usr/local/bin/etcd"] },
  { name: "redis-server", provides: ["/usr/bin/redis-server"] },
  { name: "postgresql", provides: ["/usr/lib/postgresql"] },
  { name: "kubernetes-client", provides: ["/usr/bin/kubectl", "/usr/local/bin/kubectl"] },
  { name: "umoci", provides: ["/usr/bin/umoci"] },
  { name: "buildah", provides: ["/usr/bin/buildah"] },
  { name: "podman", provides: ["/usr/bin/podman"] },
  { name: "curl", provides: ["/usr/bin/curl"] },
  { name: "git", provides: ["/usr/bin/git"] },
];

function run(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "inherit" }).status === 0;
}

/** False when something is missing and could not be installed. */
function installSystemPackages(): boolean {
  const missing = systemPackages
    .filter((it) => !it.provides.some((path) => existsSync(path)))
    .map((it) => it.name);
  if (missing.length === 0) return true;
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...missing];
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    process.stderr.write(`check: missing packages; as root: apt-get ${install.join(" ")}\n`);
    return false;
  }
  process.stderr.write(`check: installing with apt-get: ${missing.join(" ")}\n`);
  if (run("apt-get", install)) return true;
  return run("apt-get", ["update", "-qq"]) && run("apt-get", install);
}

function script(name: string): boolean {
  process.stdout.write(`\n# npm run ${name}\n`);
  return run("npm", ["run", "--silent", name]);
}

const quick = process.argv.includes("--quick");
const steps = ["types", "lint", "test", ...(quick ? [] : ["bundle", "integration"])];
const ready = quick || installSystemPackages();
const failed = ready ? steps.find((it) => !script(it)) : "the system packages";
if (failed !== undefined) {
  process.stderr.write(`\ncheck: ${failed} failed\n`);
  process.exitCode = 1;
}
