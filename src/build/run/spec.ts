import { dockerCapabilities, furtherCapabilities } from "#oci/capabilities.ts";
import { maskedPaths, readonlyPaths } from "#oci/hidden-paths.ts";
import { resourcesOf, type RunLimits } from "./limits.ts";
import { seccompProfile } from "./seccomp.ts";
import type { ProcessIdentity } from "#oci/user.ts";

/** A mount in the container, as the OCI runtime specification has it. */
export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface ProcessRequest {
  readonly args: readonly string[];
  readonly environment: readonly string[];
  readonly workdir: string;
  readonly user: ProcessIdentity;
  readonly mounts: readonly SpecMount[];
  /** `none`: just a loopback of its own; else the network of who builds. */
  readonly network: "host" | "none";
  /** All capabilities, all devices, no filter of system calls. */
  readonly insecure: boolean;
  readonly hostname: string;
  readonly cgroupsPath: string;
  readonly limits: RunLimits;
}

/** Directories that are mounted in every container. */
export const systemMounts: readonly SpecMount[] = [
  mount("/proc", "proc", ["nosuid", "noexec", "nodev"]),
  mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
  mount("/dev/pts", "devpts", [
    "nosuid",
    "noexec",
    "newinstance",
    "ptmxmode=0666",
    "mode=0620",
    "gid=5",
  ]),
  mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
  mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
  mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
];

function mount(destination: string, type: string, options: readonly string[]): SpecMount {
  return { destination, type, source: type, options };
}

/** Devices that may be read and written: those that runc makes in every `/dev`. */
const devices: readonly (readonly [major: number, minor: number])[] = [
  [1, 3],
  [1, 5],
  [1, 7],
  [1, 8],
  [1, 9],
  [5, 0],
  [5, 2],
];
const terminalMajor = 136;

/** The `config.json` of a RUN's container: OCI runtime-spec 1.0. */
export function runtimeSpec(request: ProcessRequest): object {
  const { insecure, limits, user } = request;
  const caps = insecure ? [...dockerCapabilities, ...furtherCapabilities] : dockerCapabilities;
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: request.args,
      env: request.environment,
      cwd: request.workdir,
      ...(limits.resourceLimits.length === 0 ? {} : { rlimits: limits.resourceLimits }),
      capabilities: { bounding: caps, effective: caps, permitted: caps },
      // su and sudo work in builds, as they do with Docker.
      noNewPrivileges: false,
    },
    root: { path: "rootfs", readonly: false },
    hostname: request.hostname,
    mounts: [...systemMounts.map((it) => withShmSize(it, limits)), ...request.mounts],
    linux: {
      cgroupsPath: request.cgroupsPath,
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        ...(request.network === "none" ? [{ type: "network" }] : []),
      ],
      resources: {
        devices: insecure ? [{ allow: true, access: "rwm" }] : deviceRules(),
        ...resourcesOf(limits),
      },
      ...(insecure ? {} : { maskedPaths, readonlyPaths, seccomp: seccompProfile }),
    },
  };
}

function withShmSize(mount: SpecMount, { shmBytes }: RunLimits): SpecMount {
  if (mount.destination !== "/dev/shm" || shmBytes === undefined) return mount;
  const options = mount.options.map((it) => (it.startsWith("size=") ? `size=${shmBytes}` : it));
  return { ...mount, options };
}

function deviceRules(): object[] {
  return [
    { allow: false, access: "rwm" },
    // Nodes may be made, as packages do, and not opened.
    { allow: true, type: "c", access: "m" },
    { allow: true, type: "b", access: "m" },
    ...devices.map(([major, minor]) => ({ allow: true, type: "c", major, minor, access: "rwm" })),
    { allow: true, type: "c", major: terminalMajor, access: "rwm" },
  ];
}
