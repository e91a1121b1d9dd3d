import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { ask, changeSlots } from "./commands.ts";
import { rootName } from "./config.ts";
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

const startMsMax = 10_000;
const pollMs = 20;
/** Requests that are under way have this long to end when the proxy is stopped. */
const stopMsMax = 2_000;
/** Older generations that may live on for their connections; the oldest is ended for the next. */
const drainingMax = 8;
const logBytesMax = 2_000;
const logName = "log";

/**
 * A HAProxy whose configurations replace one another: each is a process of its own that takes over
 * the listening sockets from the one before, which lives on for the connections that it has. The
 * processes outlive this one when it is killed, and the next takes over from them as well.
 */
export class Haproxy {
  readonly #options: HaproxyOptions;
  readonly #onEnd: (pid: number) => void;
  #current: ProxyProcess | undefined;
  #last = 0;

  private constructor(options: HaproxyOptions, onEnd: (pid: number) => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  /** @param onEnd hears when the current process ends that was not told to. */
  static async open(options: HaproxyOptions, onEnd: () => void): Promise<Haproxy> {
    const { directory } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const haproxy: Haproxy = new Haproxy(options, (pid) => {
      if (haproxy.#current?.pid !== pid) return;
      haproxy.#current = undefined;
      onEnd();
    });
    haproxy.#current = (await findProxies(directory)).at(-1);
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
   * fails. @param filesOf as `renderConfig`, with the name of the socket. @throws {Error} with the proxy's words.
   */
  async start(
    filesOf: (socket: string) => ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { directory, program } = this.#options;
    await this.#sweep();
    const generation = ++this.#last;
    const place = generationDirectory(directory, generation);
    await mkdir(join(place, rootName), { recursive: true, mode: 0o700 });
    for (const [name, content] of filesOf(socketOf(generation))) {
      await writeFile(join(place, name), content, { mode: 0o600 });
    }
    const before = this.#current;
    const takeOver =
      before === undefined ? [] : ["-x", this.#socketOf(before), "-sf", String(before.pid)];
    const args = ["-db", "-f", join(place, "haproxy.cfg"), ...takeOver];
    await using log = await open(join(place, logName), "a", 0o600);
    const child = spawn(program, args, {
      detached: true, // What ends our group does not end it.
      stdio: ["ignore", log.fd, log.fd],
      cwd: place, // Its files are named without a path.
      env: {},
    });
    child.unref();
    await once(child, "spawn");
    const { pid = 0 } = child;
    await this.#serving(child, { pid, generation }, signal);
    this.#current = { pid, generation };
    if (hasEnded(child)) this.#onEnd(pid);
    child.once("exit", () => {
      this.#onEnd(pid);
    });
  }

  /** @throws {Error} when the proxy refuses; some of the changes may have happened. */
  async change(changes: readonly SlotChange[], signal: AbortSignal): Promise<void> {
    if (this.#current === undefined) throw new Error("the proxy does not run");
    await changeSlots(this.#socketOf(this.#current), changes, signal);
  }

  /** What the running proxy has counted for its frontends and backends; empty while there is none. */
  async statistics(signal: AbortSignal): Promise<string> {
    const current = this.#current;
    if (current === undefined) return "";
    return await ask(this.#socketOf(current), "show stat -1 3 -1", signal);
  }

  /** Lets requests under way end, for a moment, and ends all that runs. */
  async stop(): Promise<void> {
    this.#current = undefined;
    await endProxies(this.#options.directory, this.#options.clock);
    await this.#sweep(); // No key stays on the disk.
  }

  #socketOf({ generation }: ProxyProcess): string {
    return join(generationDirectory(this.#options.directory, generation), socketOf(generation));
  }

  async #serving(child: ChildProcess, started: ProxyProcess, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + startMsMax;
    for (;;) {
      const answer = await ask(this.#socketOf(started), "show info", signal).catch(() => "");
      if (answer.includes(`\nPid: ${started.pid}\n`)) return;
      if (hasEnded(child) || clock.monotonic() > until) {
        child.kill("SIGKILL");
        const place = generationDirectory(this.#options.directory, started.generation);
        const text = await readFile(join(place, logName), "utf8");
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
    const kept = new Set(living.map((it) => `g${it.generation}`));
    for (const name of await readdir(directory)) {
      if (!/^g\d+$/.test(name) || kept.has(name)) continue;
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

function socketOf(generation: number): string {
  return `s${generation}`;
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
