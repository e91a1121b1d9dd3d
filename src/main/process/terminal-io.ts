import { once } from "node:events";
import type { Io } from "#cli/io.ts";

/** The process's own input and output. */
export function terminalIo(): Io {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    flush: () => {
      const full = [stdout, stderr].filter((it) => it.writableNeedDrain);
      if (full.length === 0) return undefined;
      return Promise.all(full.map((it) => once(it, "drain"))).then(() => undefined);
    },
    stdin,
    terminal: stdout.isTTY
      ? {
          size: () => ({ columns: stdout.columns, rows: stdout.rows }),
          onResize: (listener) => {
            stdout.on("resize", listener);
            return () => stdout.off("resize", listener);
          },
        }
      : undefined,
  };
}
