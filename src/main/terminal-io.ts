import type { Io } from "#cli/io.ts";

/** The process's own input and output. */
export function terminalIo(): Io {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    stdin,
    terminal: stdout.isTTY
      ? {
          size: () => ({ columns: stdout.columns, rows: stdout.rows }),
          onResize: (listener) => stdout.on("resize", listener),
        }
      : undefined,
  };
}
