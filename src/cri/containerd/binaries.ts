import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";

/** The programs that real containers need, found on this machine. */
export interface Binaries {
  readonly containerd: string;
  readonly runc: string;
  readonly nft: string;
  readonly umount: string;
  readonly cniBinDir: string;
}

/** Where programs are looked for, in order, and the `PATH` of containerd. */
export const programDirs: readonly string[] = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

/** Debian, upstream's tar, Fedora. */
const cniDirs: readonly string[] = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];
const cniPlugins: readonly string[] = ["ptp", "host-local", "loopback"];

/** Programs that are missing, with the packages of Debian and Ubuntu that have them. */
export class MissingProgramsError extends Error {
  override readonly name = "MissingProgramsError";
  /** For `apt-get install`. */
  readonly packages: readonly string[];

  constructor(missing: readonly { readonly program: string; readonly package: string }[]) {
    const packages = [...new Set(missing.map((it) => it.package))];
    super(
      `missing on this machine: ${missing.map((it) => it.program).join(", ")}. Install with: ` +
        `apt-get install --no-install-recommends ${packages.join(" ")}`,
    );
    this.packages = packages;
  }
}

/** @throws {MissingProgramsError} */
export async function findBinaries(): Promise<Binaries> {
  const [containerd, shim, runc, nft, umount, cniBinDir] = await Promise.all([
    findProgram("containerd"),
    findProgram("containerd-shim-runc-v2"),
    findProgram("runc"),
    findProgram("nft"),
    findProgram("umount"),
    findCni(),
  ]);
  const missing: { program: string; package: string }[] = [];
  function need(found: string | undefined, program: string, from: string): string {
    if (found === undefined) missing.push({ program, package: from });
    return found ?? "";
  }
  need(shim, "containerd-shim-runc-v2", "containerd");
  const binaries = {
    containerd: need(containerd, "containerd", "containerd"),
    runc: need(runc, "runc", "runc"),
    nft: need(nft, "nft", "nftables"),
    umount: need(umount, "umount", "mount"),
    cniBinDir: need(
      cniBinDir,
      `CNI plugins ${cniPlugins.join(", ")}`,
      "containernetworking-plugins",
    ),
  };
  if (missing.length > 0) throw new MissingProgramsError(missing);
  return binaries;
}

/** The full path of a program in `programDirs`, or `undefined`. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of programDirs) {
    const path = join(directory, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function findCni(): Promise<string | undefined> {
  for (const directory of cniDirs) {
    const found = await Promise.all(cniPlugins.map((it) => isExecutable(join(directory, it))));
    if (found.every(Boolean)) return directory;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
