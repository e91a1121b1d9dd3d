import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { LogFormatter } from "./format.ts";
import { LogFile } from "./log-file.ts";
import { LogWatch } from "./log-watch.ts";
import type { LogOptions } from "./options.ts";

/** The log of one run of a container. */
export interface LogSource {
  readonly path: string;
  /** Resolves when the container has ended, or the signal aborts. */
  ended(signal: AbortSignal): Promise<void>;
}

/**
 * The log as its reader sees it, in pieces of at most some 64 KiB; the file is read as fast as they
 * are taken. With `follow` it goes on, over rotations, until the container has ended or the signal
 * aborts. A file that does not exist is an empty log.
 */
export async function* readLog(
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  if (options.follow) yield* followLog(source, options, signal);
  else yield* readOnce(source, options, signal);
}

async function* readOnce(
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  await using file = await LogFile.open(source.path);
  if (file === undefined) return;
  if (options.tailLines !== undefined) await file.seekTail(options.tailLines);
  // A container may write faster than its log is read; what it writes from now on is not shown.
  const end = await file.size();
  yield* readTo(file, new LogFormatter(options), end, signal);
}

async function* followLog(
  source: LogSource,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const formatter = new LogFormatter(options);
  // A container that has printed nothing may not have its folder yet.
  await mkdir(dirname(source.path), { recursive: true });
  // Before the first read, so that nothing is written unseen between the two.
  using watch = new LogWatch(source.path, (stop) => source.ended(stop), signal);
  let file = await LogFile.open(source.path);
  try {
    if (options.tailLines !== undefined) await file?.seekTail(options.tailLines);
    while (!signal.aborted) {
      const { hasEnded } = watch;
      if (file !== undefined) {
        yield* readTo(file, formatter, Number.POSITIVE_INFINITY, signal);
        if (await file.rewindIfCut()) {
          formatter.nextFile();
          continue;
        }
      }
      if (formatter.isFull) return;
      const next = await nextFile(source.path, file);
      if (next !== undefined) {
        // The runtime wrote to the old file until it opened the new one.
        if (file !== undefined) yield* readTo(file, formatter, Number.POSITIVE_INFINITY, signal);
        await file?.[Symbol.asyncDispose]();
        formatter.nextFile();
        file = next;
        continue;
      }
      if (hasEnded) return;
      await watch.changed();
    }
  } finally {
    await file?.[Symbol.asyncDispose]();
  }
}

async function nextFile(path: string, file: LogFile | undefined): Promise<LogFile | undefined> {
  if (file !== undefined && !(await file.isReplaced())) return undefined;
  return await LogFile.open(path);
}

async function* readTo(
  file: LogFile,
  formatter: LogFormatter,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  while (!formatter.isFull && !signal.aborted) {
    const piece = await file.read(end);
    if (piece === undefined) return;
    const output = formatter.push(piece);
    if (output.length > 0) yield output;
  }
}
