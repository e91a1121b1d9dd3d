import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { canLowerOomScore, isGone, readProcess, signalProcess } from "#cri/procfs.ts";
import { gateScript } from "./attach-gate.ts";
import { type Binaries, programDirs } from "./binaries.ts";
import {
  cniConflist,
  containerdToml,
  hostsToml,
  type PodNetwork,
  type RegistryMirror,
} from "./config.ts";
import { drainScript } from "./drain-script.ts";
import type { NodeLayout } from "./layout.ts";

export interface SuperviseOptions {
  readonly layout: NodeLayout;
  readonly binaries: Binaries;
  readonly network: PodNetwork;
  readonly pauseImage: string;
  /** Variables of containerd beside `PATH`: proxies for pulls. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Start to a serving socket takes 0.15 to 0.35 s; a disk that checks itself may take longer. */
const startMsMax = 30_000;
const stopMsMax = 10_000;
const pollMs = 1_000;
/** After so long a run the next failure is a new one. */
const stableMs = 60_000;
const logBytesMax = 10 * 1024 * 1024;

/**
 * A containerd of our own. It runs in a session of its own, so that it and the containers outlive this
 * process; the next one adopts it.
 */
export class SupervisedContainerd {
  readonly #options: SuperviseOptions;
  #pid: number;
  #child: ChildProcess | undefined;

  private constructor(options: SuperviseOptions, pid: number, child: ChildProcess | undefined) {
    this.#options = options;
    this.#pid = pid;
    this.#child = child;
  }

  /**
   * Starts containerd, or adopts the one that runs already; resolves when its socket serves. One that
   * runs with an older configuration is started again, which containers do not notice.
   * @throws {Error} with the end of its log when it does not come up.
   */
  static async start(
    options: SuperviseOptions,
    signal: AbortSignal,
  ): Promise<SupervisedContainerd> {
    const changed = await writeConfiguration(options);
    const running = await findRunning(options.layout);
    if (running !== undefined && !changed) {
      await waitForSocket(options, () => false, signal);
      return new SupervisedContainerd(options, running, undefined);
    }
    if (running !== undefined) await terminate(options, running, signal);
    const { pid, child } = await launch(options, signal);
    return new SupervisedContainerd(options, pid, child);
  }

  get pid(): number {
    return this.#pid;
  }

  /** Starts containerd again whenever it dies, until the signal aborts; leaves it running then. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const backoff = new Backoff<"start">({ initialMs: 100, maxMs: 10_000 });
    let from = clock.monotonic();
    while (await this.#died(signal)) {
      if (clock.monotonic() - from > stableMs) backoff.succeed("start");
      from = clock.monotonic();
      log.error("containerd ended; starting it again", { pid: this.#pid });
      try {
        await clock.sleep(backoff.fail("start"), signal);
        const { pid, child } = await launch(this.#options, signal);
        this.#pid = pid;
        this.#child = child;
      } catch (error) {
        if (isAborted(signal)) return;
        log.error("containerd does not start", { error: error as Error });
      }
    }
  }

  /** Ends containerd; containers go on. Call it after `run` has ended. */
  async stop(signal: AbortSignal): Promise<void> {
    await terminate(this.#options, this.#pid, signal);
  }

  /** Resolves to `true` when containerd has ended, to `false` when the signal aborted first. */
  async #died(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const child = this.#child;
    if (child !== undefined) {
      if (child.exitCode !== null || child.signalCode !== null) return true;
      return await once(child, "exit", { signal }).then(
        () => true,
        () => false,
      );
    }
    // Only the parent of a process hears of its end; an adopted one is looked at.
    try {
      while ((await readProcess(this.#pid)) !== undefined) {
        await this.#options.clock.sleep(pollMs, signal);
      }
      return true;
    } catch (error) {
      if (isAborted(signal)) return false;
      throw error;
    }
  }
}

/** The compiler believes that a signal once seen is never aborted later. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/**
 * Sends requests for the images of every registry to mirrors first; containerd reads it at the next
 * pull.
 */
export async function writeRegistryMirrors(
  layout: NodeLayout,
  mirrors: readonly RegistryMirror[],
): Promise<void> {
  await rm(layout.registryDir, { recursive: true, force: true });
  const directory = join(layout.registryDir, anyRegistry);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "hosts.toml"), hostsToml(mirrors));
}

/** containerd's name of the folder for registries without one of their own. */
const anyRegistry = "_default";

/** The pid of the containerd that runs on this configuration, or `undefined`. */
export async function findRunning(layout: NodeLayout): Promise<number | undefined> {
  const pid = await readFile(layout.pidFile, "utf8").then(Number, (error: unknown) => {
    if (isGone(error)) return undefined;
    throw error;
  });
  if (pid === undefined || !Number.isInteger(pid) || pid <= 0) return undefined;
  // The number may be another process's by now.
  const entry = await readProcess(pid);
  return entry?.commandLine.includes(layout.config) === true ? pid : undefined;
}

/** Resolves to whether containerd's file is another than before. */
async function writeConfiguration(options: SuperviseOptions): Promise<boolean> {
  const { layout } = options;
  await mkdir(layout.nodeDir, { recursive: true, mode: 0o711 });
  for (const directory of [layout.cniConfDir, layout.registryDir, layout.ipamDir]) {
    await mkdir(directory, { recursive: true });
  }
  await mkdir(layout.gateDir, { recursive: true, mode: 0o700 });
  const { runc } = options.binaries;
  await writeFile(layout.runcProgram, drainScript(layout, runc), { mode: 0o755 });
  await writeFile(layout.gateProgram, gateScript(layout, layout.runcProgram), { mode: 0o755 });
  // containerd sees a network file that is written, but not one that is renamed to its name.
  await writeFile(
    join(layout.cniConfDir, "10-gantry.conflist"),
    cniConflist(layout, options.network),
  );
  const toml = containerdToml({
    layout,
    cniBinDir: options.binaries.cniBinDir,
    pauseImage: options.pauseImage,
    canLowerOomScore: await canLowerOomScore(),
  });
  const before = await readFile(layout.config, "utf8").catch(() => undefined);
  if (before === toml) return false;
  await writeFile(layout.config, toml);
  return true;
}

async function launch(
  options: SuperviseOptions,
  signal: AbortSignal,
): Promise<{ pid: number; child: ChildProcess }> {
  const { layout, binaries } = options;
  await rotateLog(layout.log);
  await using log = await open(layout.log, "a");
  const child = spawn(binaries.containerd, ["--config", layout.config], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    cwd: "/",
    env: { ...options.environment, PATH: programDirs.join(":") },
  });
  child.unref();
  await once(child, "spawn");
  const { pid } = child;
  if (pid === undefined) throw new Error("containerd has no process id");
  await writeFile(layout.pidFile, `${pid}\n`);
  await waitForSocket(options, () => child.exitCode !== null, signal);
  return { pid, child };
}

async function rotateLog(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > logBytesMax) await rename(path, `${path}.1`);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function waitForSocket(
  options: SuperviseOptions,
  hasEnded: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const { clock, layout } = options;
  const until = clock.monotonic() + startMsMax;
  for (let wait = 10; !(await canConnect(layout.socket)); wait = Math.min(wait * 1.5, 200)) {
    if (hasEnded() || clock.monotonic() > until) {
      const log = await readFile(layout.log, "utf8").catch(() => "");
      throw new Error(
        `containerd does not serve ${layout.socket}; the end of ${layout.log}: ${log.slice(-2000)}`,
      );
    }
    await clock.sleep(wait, signal);
  }
}

async function canConnect(socket: string): Promise<boolean> {
  const connection = connect(socket);
  try {
    await once(connection, "connect");
    return true;
  } catch {
    // Not there, or nobody listens yet: the caller bounds how long that may last.
    return false;
  } finally {
    connection.destroy();
  }
}

async function terminate(
  options: Pick<SuperviseOptions, "layout" | "clock">,
  pid: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, layout } = options;
  signalProcess(pid, "SIGTERM");
  const until = clock.monotonic() + stopMsMax;
  while ((await readProcess(pid)) !== undefined) {
    if (clock.monotonic() > until) signalProcess(pid, "SIGKILL");
    await clock.sleep(20, signal);
  }
  await rm(layout.pidFile, { force: true });
}
