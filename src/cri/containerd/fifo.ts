import { execFile } from "node:child_process";
import { constants, open as openCallback, close as closeCallback } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const open = promisify(openCallback);
const close = promisify(closeCallback);

/** The ends of a process's streams, as containerd's shim wants them: FIFOs in a directory. */
export interface ProcessFifos extends AsyncDisposable {
  /** Paths for the shim; empty for a stream that is not wanted. */
  readonly paths: Readonly<Record<"stdin" | "stdout" | "stderr", string>>;
  readonly stdin: Socket | undefined;
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
  /** To be called once the shim has opened its ends: from then on their end is seen. */
  release(): Promise<void>;
}

/**
 * Makes FIFOs and opens our ends of them without waiting for the shim: a third opening of each, for
 * reading and writing, stands for it until {@link ProcessFifos.release}.
 */
export async function makeFifos(
  directory: string,
  wanted: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean },
): Promise<ProcessFifos> {
  const names = (["stdin", "stdout", "stderr"] as const).filter((it) => wanted[it]);
  const pathOf = (name: string): string => join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (names.length > 0) await run("mkfifo", ["-m", "600", ...names.map(pathOf)]);
  const held: number[] = [];
  const sockets = new Map<string, Socket>();
  const release = async (): Promise<void> => {
    for (const fd of held.splice(0)) await close(fd);
  };
  for (const name of names) {
    held.push(await open(pathOf(name), constants.O_RDWR | constants.O_NONBLOCK));
    const isInput = name === "stdin";
    const flags = (isInput ? constants.O_WRONLY : constants.O_RDONLY) | constants.O_NONBLOCK;
    const fd = await open(pathOf(name), flags);
    const socket = new Socket({ fd, readable: !isInput, writable: isInput });
    // A process that has ended does not read; its result tells.
    socket.on("error", () => undefined);
    sockets.set(name, socket);
  }
  const path = (name: "stdin" | "stdout" | "stderr"): string => (wanted[name] ? pathOf(name) : "");
  return {
    paths: { stdin: path("stdin"), stdout: path("stdout"), stderr: path("stderr") },
    stdin: sockets.get("stdin"),
    stdout: sockets.get("stdout"),
    stderr: sockets.get("stderr"),
    release,
    async [Symbol.asyncDispose]() {
      await release();
      for (const it of sockets.values()) it.destroy();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
