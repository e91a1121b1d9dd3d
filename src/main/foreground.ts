import { systemClock } from "#base/clock.ts";
import { jsonLogger, type Logger } from "#base/log.ts";

/**
 * Runs until SIGTERM or SIGINT, whichever comes first, aborts `run`'s signal and `run` has ended.
 * Logs go to stderr. @throws whatever `run` throws, unless it was told to end.
 */
export async function runInForeground(
  run: (log: Logger, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const log = jsonLogger(systemClock, (line) => process.stderr.write(line));
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      stop.abort(new Error(name));
    });
  }
  try {
    await run(log, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}
