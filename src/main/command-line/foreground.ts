import type { Logger } from "#base/log.ts";
import type { LogOptions } from "./options.ts";
import { Drain, endOnSignals } from "#main/process/drain.ts";
import { processLog } from "#main/process/write-log.ts";

/**
 * Runs until a signal (see drain.ts) aborts `run`'s and `run` has ended.
 * Logs go to stderr; if that is the file at `path`, it has a bound. @throws whatever `run` throws, unless it was told to end.
 */
export async function runInForeground(
  logging: Partial<LogOptions> & { readonly path?: string },
  run: (log: Logger, signal: AbortSignal, drain: Drain) => Promise<void>,
): Promise<void> {
  const log = processLog(logging.logLevel ?? "info", logging.path);
  const stop = new AbortController();
  const drain = new Drain();
  endOnSignals(drain, stop);
  try {
    await run(log, stop.signal, drain);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}
