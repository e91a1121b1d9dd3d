import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { ask, changeSlots } from "./commands.ts";
import { findProxies, generationDirectory, signalProxy, type ProxyProcess } from "./processes.ts";
import type { SlotChange } from "./slots.ts";

export interface HaproxyOptions {
  /** Full path of `haproxy`. */
  readonly program: string;
  /** For files of the proxies; they hold private keys. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where a generation has its files. */
export interface GenerationPlace {
  readonly directory: string;
  readonly socket: string;
  readonly root: string;
}

const startMsMax = 10_000;
const pollMs = 20;
/** Requests that are under way have this long to end when the proxy is stopped. */
const stopMsMax = 2_000;
/** Older generations that may live on for their connections; the oldest is ended for the next. */
const drainingMax = 8;
const logBytesMax = 2_000;

interface Generation extends ProxyProcess {
  readonly socket: string;
}

/**
 * A HAProxy whose configurations replace one another: each is a process of its own that takes over
 * the listening sockets from the one before, which lives on for the connections that it has. The
 * processes outlive this one when it is killed, and the next takes over from them as well.
 */
export class Haproxy {
  readonly #options: HaproxyOptions;
  readonly #onEnd: (pid: number) => void;
  #current: Generation | undefined;
  #last = 0;

  private constructor(options: HaproxyOptions, onEnd: (pid: number) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  /** @param onEnd hears when the current process ends that was not told to. */
  static async open(options: HaproxyOptions, onEnd: () => void): Promise<Haproxy> {
    const { directory } = options;
    await mkdir(join(directory, "root"), { recursive: true, mode: 0o700 });
    const haproxy: Haproxy = new Haproxy(options, (pid) => {
      if (haproxy.#current?.pid !== pid) return;
      haproxy.#current = undefined;
      onEnd();
    });
    const running = (await findProxies(directory)).at(-1);
    if (running !== undefined) {
      haproxy.#current = { ...running, socket: socketOf(directory, running.generation) };
    }
    for (const name of await readdir(directory)) {
      haproxy.#last = Math.max(haproxy.#last, Number(/^g(\d+)$/.exec(name)?.[1] ?? 0));
    }
    return haproxy;
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** Where the running proxy listens; none while there is none. */
  async ports(): Promise<Set<number>> {
    if (this.#current === undefined) return new Set();
    const place = generationDirectory(this.#options.directory, this.#current.generation);
    const text = await readFile(join(place, "haproxy.cfg"), "utf8");
    return new Set([...text.matchAll(/^ {2}bind \*:(\d+)/gm)].map(([, port]) => Number(port)));
  }

  /**
   * Starts a generation; resolves when it serves in place of the one before, which goes on when this
   * fails. @throws {Error} with the proxy's words.
   */
  async start(
    filesAt: (place: GenerationPlace) => ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { directory, program } = this.#options;
    await this.#sweep();
    const generation = ++this.#last;
    const place = {
      directory: generationDirectory(directory, generation),
      socket: socketOf(directory, generation),
      root: join(directory, "root"),
    };
    await mkdir(place.directory, { mode: 0o700 });
    for (const [name, content] of filesAt(place)) {
      await writeFile(join(place.directory, name), content, { mode: 0o600 });
    }
    const before = this.#current;
    const takeOver = before === undefined ? [] : ["-x", before.socket, "-sf", String(before.pid)];
    const args = ["-db", "-f", join(place.directory, "haproxy.cfg"), ...takeOver];
    await using log = await open(join(place.directory, "log"), "a", 0o600);
    const child = spawn(program, args, {
      detached: true, // What ends our group does not end it.
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
      env: {},
    });
    child.unref();
    await once(child, "spawn");
    const { pid = 0 } = child;
    await this.#serving(child, place, signal);
    this.#current = { pid, generation, socket: place.socket };
    if (hasEnded(child)) this.#onEnd(pid);
    child.once("exit", () => {
      this.#onEnd(pid);
    });
  }

  /** @throws {Error} when the proxy refuses; some of the changes may have happened. */
  async change(changes: readonly SlotChange[], signal: AbortSignal): Promise<void> {
    const socket = this.#current?.socket;
    if (socket === undefined) throw new Error("the proxy does not run");
    await changeSlots(socket, changes, signal);
  }

  /** What the running proxy has counted for its frontends and backends; empty while there is none. */
  async statistics(signal: AbortSignal): Promise<string> {
    const socket = this.#current?.socket;
    return socket === undefined ? "" : await ask(socket, "show stat -1 3 -1", signal);
  }

  /** Lets requests under way end, for a moment, and ends all that runs. */
  async stop(): Promise<void> {
    this.#current = undefined;
    await endProxies(this.#options.directory, this.#options.clock);
  }

  async #serving(
    child: ChildProcess,
    { directory, socket }: GenerationPlace,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + startMsMax;
    for (;;) {
      const answer = await ask(socket, "show info", signal).catch(() => "");
      if (answer.includes(`\nPid: ${child.pid ?? 0}\n`)) return;
      if (hasEnded(child) || clock.monotonic() > until) {
        child.kill("SIGKILL");
        const text = await readFile(join(directory, "log"), "utf8");
        throw new Error(`the proxy does not start: ${faultsIn(text)}`);
      }
      await clock.sleep(pollMs, signal);
    }
  }

  /** Removes files of generations that have ended, and ends the oldest where there are too many. */
  async #sweep(): Promise<void> {
    const { directory } = this.#options;
    const living = await findProxies(directory);
    const draining = living.filter((it) => it.pid !== this.#current?.pid);
    for (const { pid } of draining.slice(0, Math.max(0, draining.length - drainingMax + 1))) {
      signalProxy(pid, "SIGTERM");
    }
    const kept = new Set(living.flatMap((it) => [`g${it.generation}`, `s${it.generation}`]));
    for (const name of await readdir(directory)) {
      if (!/^[gs]\d+$/.test(name) || kept.has(name)) continue;
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/** Short: a path of a socket has at most 107 bytes, of which HAProxy takes some for itself. */
function socketOf(directory: string, generation: number): string {
  return join(directory, `s${generation}`);
}

/** Ends every proxy of the directory, at first gently. None is success. */
export async function endProxies(directory: string, clock: Clock): Promise<void> {
  const { signal } = new AbortController();
  for (const name of ["SIGUSR1", "SIGTERM", "SIGKILL"] as const) {
    const until = clock.monotonic() + stopMsMax;
    for (let told = false; clock.monotonic() < until; told = true) {
      const living = await findProxies(directory);
      if (living.length === 0) return;
      if (!told) for (const { pid } of living) signalProxy(pid, name);
      await clock.sleep(pollMs, signal);
    }
  }
  throw new Error(`processes of haproxy on ${directory} do not end`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The alerts of a log, or its end. */
function faultsIn(text: string): string {
  const alerts = text.split("\n").filter((it) => it.includes("[ALERT]"));
  return (alerts.length > 0 ? alerts.join("; ") : text.trim()).slice(-logBytesMax);
}
