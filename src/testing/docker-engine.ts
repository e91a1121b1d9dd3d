import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow } from "#cri/mounts.ts";
import { DockerEngine } from "#workflows/operators/docker/engine.ts";
import { eventually } from "./eventually.ts";

/** Programs that serve Docker's Engine API. */
export const dockerEngines = ["dockerd", "podman"] as const;
export type DockerProgram = (typeof dockerEngines)[number];

/** Those of this machine; both need root. */
export function installedEngines(): readonly DockerProgram[] {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/busybox")) return [];
  return dockerEngines.filter((it) => spawnSync("which", [it]).status === 0);
}

const startMs = 30_000;

/** A Docker host of its own, with the image `busybox`, on a unix socket; it makes no networks. */
export class DockerHostProcess implements AsyncDisposable {
  readonly #server: ChildProcess;
  readonly #folder: string;

  private constructor(server: ChildProcess, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  /** @throws {Error} when it does not come up. */
  static async start(program: DockerProgram): Promise<DockerHostProcess> {
    const folder = mkdtempSync(join(tmpdir(), `gantry-${program}-`));
    const server = program === "dockerd" ? startDockerd(folder) : startPodman(folder);
    const host = new DockerHostProcess(server, folder);
    await eventually(async () => {
      await host.engine.text({ method: "GET", path: "/_ping" }, AbortSignal.timeout(startMs));
    }, startMs);
    host.#importBusybox();
    return host;
  }

  get url(): string {
    return `unix://${socketIn(this.#folder)}`;
  }

  get engine(): DockerEngine {
    return new DockerEngine({ url: this.url, apiVersion: undefined, timeoutMs: startMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((done) => this.#server.once("exit", done));
    this.#server.kill("SIGTERM");
    await ended;
    for (const it of mountsBelow(readFileSync("/proc/self/mountinfo", "utf8"), this.#folder)) {
      spawnSync("umount", ["-l", it]);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #importBusybox(): void {
    const root = join(this.#folder, "root");
    for (const it of ["bin", "tmp", "etc"]) mkdirSync(join(root, it), { recursive: true });
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\nshop:x:1234:1234::/:/bin/sh\n");
    copyFileSync("/usr/bin/busybox", join(root, "bin/busybox"));
    for (const it of ["cat", "echo", "env", "grep", "hostname", "id", "pwd", "sh", "sleep"]) {
      symlinkSync("busybox", join(root, "bin", it));
    }
    const address = "http://docker/images/create?fromSrc=-&repo=busybox&tag=latest";
    const send = ["--fail", "--unix-socket", socketIn(this.#folder), "--data-binary", "@-"];
    const type = "content-type: application/x-tar";
    const { stdout } = spawnSync("tar", ["-C", root, "-c", "."], { maxBuffer: 16 * 1024 * 1024 });
    const sent = spawnSync("curl", ["-sS", ...send, "-H", type, address], { input: stdout });
    if (sent.status !== 0) throw new Error(`import: ${sent.stderr.toString()}`);
  }
}

function socketIn(folder: string): string {
  return join(folder, "docker.sock");
}

function startDockerd(folder: string): ChildProcess {
  const places = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")];
  const own = ["--pidfile", join(folder, "pid"), "-H", `unix://${socketIn(folder)}`];
  const plain = ["--bridge=none", "--iptables=false", "--ip6tables=false"];
  const args = [...places, ...own, ...plain, "--storage-driver", "vfs", "--log-level", "error"];
  return spawn("dockerd", args, { stdio: ["ignore", "ignore", "inherit"] });
}

function startPodman(folder: string): ChildProcess {
  const containers = join(folder, "containers.conf");
  const storage = join(folder, "storage.conf");
  const engine = 'cgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"';
  writeFileSync(containers, `[containers]\nnetns = "host"\n[engine]\n${engine}\n`);
  const roots = `graphroot = "${join(folder, "graph")}"\nrunroot = "${join(folder, "run")}"`;
  writeFileSync(storage, `[storage]\ndriver = "vfs"\n${roots}\n`);
  const args = ["system", "service", "--time=0", `unix://${socketIn(folder)}`];
  const env = [`CONTAINERS_CONF=${containers}`, `CONTAINERS_STORAGE_CONF=${storage}`];
  return spawn("env", [...env, "podman", ...args], { stdio: ["ignore", "ignore", "inherit"] });
}
