import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { eventually } from "./eventually.ts";
import { ok, run, type CommandResult } from "./gantry-process.ts";

const program = resolve(import.meta.dirname, "../../dist/gantry.js");
const boundMs = 30_000;
const pauseMs = 200;

/** The scheduler of workflows and its commands, as they are bundled for users, with a folder of DAGs. */
export class WorkflowProcess implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), "gantry-workflows-"));
  readonly dags = join(this.home, "dags");
  #scheduler: ChildProcess | undefined;

  constructor() {
    mkdirSync(this.dags);
  }

  command(...args: readonly string[]): CommandResult {
    return run(process.execPath, [program, ...args, "--data-dir", join(this.home, "data")]);
  }

  /** What a command that succeeds prints. */
  gantry(...args: readonly string[]): string {
    return ok(this.command(...args));
  }

  /** What a command lists. */
  rows(...args: readonly string[]): readonly Record<string, unknown>[] {
    return JSON.parse(this.gantry(...args, "-o", "json")) as Record<string, unknown>[];
  }

  /** @param environment of the scheduler, beside the test's. */
  start(environment: Readonly<Record<string, string>> = {}): void {
    const where = ["--data-dir", join(this.home, "data"), "--dags-folder", this.dags];
    const own = Object.entries(environment).map(([name, it]) => `${name}=${it}`);
    const line = [...own, process.execPath, program, "scheduler", ...where];
    this.#scheduler = spawn("env", line, {
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  /** Ends the scheduler, and waits until it has gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const scheduler = this.#scheduler;
    if (scheduler === undefined) return;
    this.#scheduler = undefined;
    const exit = once(scheduler, "exit");
    scheduler.kill(signal);
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGTERM");
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Looks until something is found, for 30 s at the most: what programs of their own bring about. */
export async function eventuallyFound<T>(what: string, look: () => T | undefined): Promise<T> {
  const ask = (): T => {
    const found = look();
    assert.ok(found !== undefined, `${what} did not come about`);
    return found;
  };
  return await eventually(ask, boundMs, pauseMs);
}
