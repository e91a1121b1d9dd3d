import type { Clock } from "./clock.ts";

export type Fields = Readonly<Record<string, string | number | boolean | Error | undefined>>;

/** Structured logging: a constant message plus fields. Never interpolate values into the message. */
export interface Logger {
  info(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: Fields): Logger;
}

/** Says nothing. For tests, and for code whose caller does not want to hear. */
export const silentLogger: Logger = {
  info: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

/** Writes one JSON object a line: `time`, `level`, `message`, then the fields; errors with causes. */
export function jsonLogger(
  clock: Clock,
  write: (line: string) => void,
  fields: Fields = {},
): Logger {
  function line(level: string, message: string, more: Fields = {}): void {
    const time = new Date(clock.now()).toISOString();
    const all = Object.entries({ ...fields, ...more }).map(([name, value]) => [
      name,
      render(value),
    ]);
    write(`${JSON.stringify({ time, level, message, ...Object.fromEntries(all) })}\n`);
  }
  return {
    info: (message, more) => {
      line("info", message, more);
    },
    error: (message, more) => {
      line("error", message, more);
    },
    with: (more) => jsonLogger(clock, write, { ...fields, ...more }),
  };
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
