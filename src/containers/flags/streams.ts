import type { Io } from "#cli/io.ts";
import { UsageError } from "#containers/usage-error.ts";

const streams = ["stdin", "stdout", "stderr"];

/** What of a container its user is connected with. */
export interface Streams {
  readonly interactive: boolean;
  /** Without the streams that were not asked for. */
  of(io: Io): Io;
}

/** `--attach`: only these streams; without it all. @throws {UsageError} */
export function onlyStreams(options: {
  readonly attach: readonly string[];
  readonly interactive?: boolean | undefined;
  readonly detach?: boolean | undefined;
}): Streams {
  const wanted = options.attach.map((it) => it.toLowerCase());
  const { interactive = false } = options;
  if (wanted.length === 0) return { interactive, of: (io) => io };
  const unknown = wanted.find((it) => !streams.includes(it));
  if (unknown !== undefined) {
    throw new UsageError(`--attach ${unknown}: valid streams are STDIN, STDOUT and STDERR`);
  }
  if (options.detach === true)
    throw new UsageError("conflicting options: cannot specify both --attach and --detach");
  return {
    interactive: interactive || wanted.includes("stdin"),
    of: (io) => ({
      ...io,
      ...(wanted.includes("stdout") ? {} : { out: ignore }),
      ...(wanted.includes("stderr") ? {} : { err: ignore }),
    }),
  };
}

function ignore(): void {
  // The stream was not asked for.
}
