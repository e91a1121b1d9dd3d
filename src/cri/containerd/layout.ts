import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where a node's private containerd keeps everything, under one directory. */
export interface NodeLayout {
  readonly nodeDir: string;
  readonly config: string;
  readonly pidFile: string;
  readonly log: string;
  readonly socket: string;
  readonly root: string;
  readonly state: string;
  readonly runcRoot: string;
  readonly optDir: string;
  readonly cniConfDir: string;
  readonly ipamDir: string;
  /** The runc of every container: it waits until output has been read. */
  readonly runcProgram: string;
  /** Of running containers: a directory each, with its `config.json`. */
  readonly bundles: string;
  /** The streams of processes that are run in containers beside their first one. */
  readonly execDir: string;
  /** What containers wait at until somebody is attached to them. */
  readonly gateDir: string;
  /** The runc whose containers wait there. */
  readonly gateProgram: string;
  /** One folder a registry host, with `hosts.toml`. */
  readonly registryDir: string;
  /** Unique on the machine; names of CNI's cache files begin with it. */
  readonly networkName: string;
}

/** `sun_path` has 108 bytes, one of them the end. */
const socketPathBytesMax = 107;

/** @throws {Error} when the directory's path is too long for a unix socket in it. */
export function nodeLayout(nodeDir: string): NodeLayout {
  const socket = join(nodeDir, "containerd.sock");
  // containerd opens a second one beside it.
  const longest = Buffer.byteLength(`${socket}.ttrpc`);
  if (longest > socketPathBytesMax) {
    throw new Error(
      `the node directory ${nodeDir} is too long by ${longest - socketPathBytesMax} bytes: ` +
        `paths of unix sockets have at most ${socketPathBytesMax}; choose a shorter one`,
    );
  }
  const id = createHash("sha256").update(nodeDir).digest("hex").slice(0, 10);
  return {
    nodeDir,
    socket,
    config: join(nodeDir, "containerd.toml"),
    pidFile: join(nodeDir, "containerd.pid"),
    log: join(nodeDir, "containerd.log"),
    root: join(nodeDir, "root"),
    state: join(nodeDir, "state"),
    runcRoot: join(nodeDir, "runc"),
    optDir: join(nodeDir, "opt"),
    cniConfDir: join(nodeDir, "cni"),
    ipamDir: join(nodeDir, "ipam"),
    runcProgram: join(nodeDir, "runc-drained"),
    bundles: join(nodeDir, "state", "io.containerd.runtime.v2.task", "k8s.io"),
    execDir: join(nodeDir, "execs"),
    gateDir: join(nodeDir, "gates"),
    gateProgram: join(nodeDir, "runc-attached"),
    registryDir: join(nodeDir, "certs.d"),
    networkName: `gantry-${id}`,
  };
}
