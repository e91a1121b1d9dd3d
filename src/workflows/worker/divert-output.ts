import type { TaskLog } from "./task-log.ts";

/** Sends what this process prints to the log of a task. @returns what puts things back. */
export function divertOutput(log: TaskLog): () => void {
  const streams = [
    ["INFO", process.stdout],
    ["ERROR", process.stderr],
  ] as const;
  const originals = streams.map(([level, stream]) => {
    const write = stream.write.bind(stream);
    stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
      log.chunk(level, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
      const done = rest.find((it) => typeof it === "function") as (() => void) | undefined;
      done?.();
      return true;
    };
    return [stream, write] as const;
  });
  return () => {
    for (const [stream, write] of originals) stream.write = write;
  };
}
