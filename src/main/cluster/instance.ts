import { mkdirSync, statSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What a running Gantry says about itself to `gantry status`, `up` and `down`. */
export interface InstanceReport {
  readonly pid: number;
  readonly server: string;
  readonly node: string;
  readonly runtime: string;
  readonly startedAt: string;
  readonly version: string;
  /** The scheduler of workflows, once it serves; undefined where there is none. */
  readonly workflows?:
    { readonly pid: number; readonly api: string | null; readonly dags: string } | undefined;
}

/**
 * The name of the data directory's lock: an abstract unix socket, which the kernel releases with
 * the process however it ends, and which belongs to the directory and not to its path.
 */
function socketName(directory: string): string {
  const { dev, ino } = statSync(directory);
  return `\0gantry-${dev}-${ino}`;
}

/** Holds a data directory for this process, and answers those who ask who holds it. */
export class InstanceLock implements Disposable {
  readonly #server: Server;
  #report: InstanceReport | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Undefined when another process has it. */
  static async take(directory: string): Promise<InstanceLock | undefined> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const server = createServer();
    const lock = new InstanceLock(server);
    server.on("connection", (socket) => {
      socket.on("error", () => undefined);
      // Kept open, since its end tells the other side that this process is gone; it must not keep
      // the process from going.
      socket.unref();
      socket.write(`${JSON.stringify(lock.#report ?? { pid: process.pid })}\n`);
    });
    // The lock must not keep the process alive once everything else has ended.
    server.unref();
    const listening = await new Promise<boolean>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") resolve(false);
        else reject(error);
      });
      server.listen(socketName(directory), () => {
        resolve(true);
      });
    });
    return listening ? lock : undefined;
  }

  /** What `findInstance` shows from now on. */
  announce(report: InstanceReport): void {
    this.#report = report;
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}

/** A running instance; `ended` resolves when its process is gone. */
export interface RunningInstance {
  readonly report: Partial<InstanceReport> & { readonly pid: number };
  readonly ended: Promise<void>;
  close(): void;
}

/** Who holds the data directory; undefined when nobody does, or it does not exist. */
export async function findInstance(directory: string): Promise<RunningInstance | undefined> {
  let name: string;
  try {
    name = socketName(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const socket = connect(name);
  const ended = new Promise<void>((resolve) => {
    socket.once("close", () => {
      resolve();
    });
  });
  const line = await firstLine(socket);
  if (line === undefined) return undefined;
  const report = JSON.parse(line) as RunningInstance["report"];
  return {
    report,
    ended,
    close: () => {
      socket.destroy();
    },
  };
}

function firstLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
    });
    socket.on("close", () => {
      resolve(undefined);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") resolve(undefined);
      else reject(error);
    });
  });
}
