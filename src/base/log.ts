import type { Clock } from "./clock.ts";

export type Fields = Readonly<Record<string, string | number | boolean | Error | undefined>>;

/** From the most to the least: `debug` is everything that was done, `error` what someone should see. */
export const logLevels = ["debug", "info", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured logging: a constant message plus fields. Never interpolate values into the message. */
export interface Logger {
  /** What was done, where it changed nothing that matters to people. */
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: Fields): Logger;
}

/** Says nothing. For tests, and for code whose caller does not want to hear. */
export const silentLogger: Logger = {
  debug: silent,
  info: silent,
  error: silent,
  with: () => silentLogger,
};

export interface JsonLoggerOptions {
  /** Lines below it are left out; `info` by default. */
  readonly level?: LogLevel | undefined;
  /** On every line. */
  readonly fields?: Fields | undefined;
}

/** Writes one JSON object a line: `time`, `level`, `message`, then the fields; errors with causes. */
export function jsonLogger(
  clock: Clock,
  write: (line: string) => void,
  options: JsonLoggerOptions = {},
): Logger {
  const { level: least = "info", fields = {} } = options;
  const at = (level: LogLevel): Logger["info"] => {
    if (logLevels.indexOf(level) < logLevels.indexOf(least)) return silent;
    return (message, more = {}) => {
      const time = new Date(clock.now()).toISOString();
      const all = Object.entries({ ...fields, ...more }).map(([name, value]) => [
        name,
        render(value),
      ]);
      write(`${JSON.stringify({ time, level, message, ...Object.fromEntries(all) })}\n`);
    };
  };
  return {
    debug: at("debug"),
    info: at("info"),
    error: at("error"),
    with: (more) => jsonLogger(clock, write, { level: least, fields: { ...fields, ...more } }),
  };
}

function silent(): void {
  // Nobody hears.
}

function render(value: Fields[string]): unknown {
  return value instanceof Error ? describeError(value) : value;
}

/** An error's message followed by those of its causes: `pull image: connect ECONNREFUSED …`. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const tail = error.cause === undefined ? "" : `: ${describeError(error.cause)}`;
  return `${error.message}${tail}`;
}
