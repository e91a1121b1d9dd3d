import { systemClock } from "#base/clock.ts";
import { jsonLogger, type Logger } from "#base/log.ts";
import { Drain, endOnSignals } from "./drain.ts";
import { writeLog } from "./write-log.ts";

/**
 * Runs until a signal (see drain.ts) aborts `run`'s and `run` has ended.
 * Logs go to stderr. @throws whatever `run` throws, unless it was told to end.
 */
export async function runInForeground(
  run: (log: Logger, signal: AbortSignal, drain: Drain) => Promise<void>,
): Promise<void> {
  const log = jsonLogger(systemClock, writeLog);
  const stop = new AbortController();
  const drain = new Drain();
  endOnSignals(drain, stop);
  try {
    await run(log, stop.signal, drain);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}
