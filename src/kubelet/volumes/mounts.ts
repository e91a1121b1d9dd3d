import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { mountsBelow } from "#cri/mounts.ts";
import type { FileSystemMount } from "#cri/runtime.ts";
import { Limiter } from "#kubelet/limiter.ts";

/** Node has no mount(2), so each mount is a process; few at a time are as fast as many. */
const processesMax = 4;
const limiter = new Limiter(processesMax);
const outputBytesMax = 64 * 1024;

/** Mounts on the node. Needs the right to mount. */
export interface Mounter {
  tmpfs(path: string, sizeBytes: number | undefined, signal: AbortSignal): Promise<void>;
  /** `source` may be a path of /proc that stands for an open file. */
  bind(source: string, target: string, signal: AbortSignal): Promise<void>;
  /** Mounts what never changes; nothing in it can be run. */
  readOnly(mount: FileSystemMount, target: string, signal: AbortSignal): Promise<void>;
  /** Makes mounts below the directory seen wherever it is mounted itself. */
  share(path: string, signal: AbortSignal): Promise<void>;
  unmount(path: string, signal: AbortSignal): Promise<void>;
  /** Mount points at `path` or below it, the deepest first. */
  below(path: string): Promise<readonly string[]>;
}

export const systemMounter: Mounter = {
  async tmpfs(path, sizeBytes, signal) {
    const size = sizeBytes === undefined ? "" : `,size=${sizeBytes}`;
    await run("mount", ["-t", "tmpfs", "-o", `mode=0777${size}`, "tmpfs", path], signal);
  },
  async bind(source, target, signal) {
    // Without canonicalization, so that the open file itself is mounted and not its name.
    await run("mount", ["-c", "--bind", source, target], signal);
  },
  async readOnly({ type, source, options }, target, signal) {
    if (type !== "bind") {
      const flags = [...options, "ro", "noexec", "nosuid", "nodev"].join(",");
      await run("mount", ["-t", type, "-o", flags, source, target], signal);
      return;
    }
    await run("mount", ["--bind", source, target], signal);
    try {
      await run("mount", ["-o", "remount,bind,ro,noexec,nosuid,nodev", target], signal);
    } catch (error) {
      await run("umount", [target], signal);
      throw error;
    }
  },
  async share(path, signal) {
    const real = await realpath(path);
    if (!(await systemMounter.below(real)).includes(real)) {
      await run("mount", ["--rbind", real, real], signal);
    }
    await run("mount", ["--make-rshared", real], signal);
  },
  async unmount(path, signal) {
    await run("umount", [path], signal);
  },
  async below(path) {
    const text = await readFile("/proc/self/mountinfo", "utf8");
    return mountsBelow(text, await realpath(path).catch(() => path));
  },
};

async function run(command: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  await limiter.run(
    () =>
      new Promise<void>((resolve, reject) => {
        execFile(command, args, { signal, maxBuffer: outputBytesMax }, (error, _out, stderr) => {
          if (error === null) resolve();
          else
            reject(new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`, { cause: error }));
        });
      }),
    signal,
  );
}
