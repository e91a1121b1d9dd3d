import { describeError } from "#base/log.ts";
import { Drain, endOnSignals } from "#main/process/drain.ts";
import type { UpOptions } from "#main/command-line/options.ts";
import { pathsBelow, runDirectoryOf } from "#main/process/paths.ts";
import { ProgressSender } from "#main/process/progress.ts";
import { runSystem } from "./system.ts";
import { processLog } from "#main/process/write-log.ts";

/**
 * Runs the whole system in this process until a signal ends it; containers go on, unless they are
 * told to end with the machine. Reports its progress to `gantry up` when that waits for it.
 */
export async function daemon(options: UpOptions, progressTo: number | undefined): Promise<void> {
  const progress = new ProgressSender(progressTo);
  const paths = pathsBelow(options.dataDir, runDirectoryOf(options.dataDir));
  const log = processLog(options.logLevel, paths.log);
  const stop = new AbortController();
  const drain = new Drain();
  endOnSignals(drain, stop);
  try {
    await runSystem(options, { progress, log, drain }, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return;
    log.error("cannot start", { error: error as Error });
    progress.send({ kind: "failed", message: describeError(error) });
    process.exitCode = 1;
  } finally {
    progress.close();
  }
}
