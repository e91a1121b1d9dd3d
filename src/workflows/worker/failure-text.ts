import { describeError } from "#base/log.ts";

/** A frame of a stack, as V8 writes it. */
const frame = /^\s+at /;
/** Thrown by the engine, and so likelier a fault of code than of what it works with. */
const faults = ["TypeError", "RangeError", "ReferenceError", "AssertionError"];

/**
 * An error for the log of a task: what is wrong, its causes, and where in the author's code. Frames of the
 * program itself say nothing to them, and are shown only when there are no others and the error looks
 * like a fault of the program.
 * @param program where the program's code is: what addresses of it begin with.
 */
export function failureText(error: unknown, program: string): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? "").split("\n").filter((line) => frame.test(line));
  const own = frames.filter((line) => !line.includes(program) && !/node:|<anonymous>/.test(line));
  const isFault = faults.includes(error.name) && error.cause === undefined;
  const shown = own.length === 0 && isFault ? frames : own;
  return [`${error.name}: ${describeError(error)}`, ...shown].join("\n");
}
