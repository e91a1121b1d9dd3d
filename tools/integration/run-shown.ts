import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";

/** What is kept of the output: its end. The section of failing tests is last. */
const keptLengthMax = 256 * 1024;
/** How long what a program left behind may keep its output open. */
const drainMs = 2_000;

export interface ShownRun {
  readonly succeeded: boolean;
  /** The end of what it wrote to both of its outputs, and why it could not run or was ended. */
  readonly output: string;
}

/** Runs a program, shows what it writes as it comes, and keeps the end of it. Never rejects. */
export async function runShown(
  command: readonly string[],
  options: { readonly timeoutMs: number; readonly env: NodeJS.ProcessEnv },
): Promise<ShownRun> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeoutMs,
    env: options.env,
  });
  let output = "";
  const keep = (text: string): void => {
    output = `${output}${text}`.slice(-keptLengthMax);
  };
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from.setEncoding("utf8").on("data", (text: string) => {
      to.write(text);
      keep(text);
    });
  }
  const closed = once(child, "close").catch(() => undefined);
  const succeeded = await new Promise<boolean>((resolve) => {
    child.once("error", (error) => {
      keep(`\n${error.message}\n`);
      resolve(false);
    });
    child.once("exit", (code) => {
      if (child.killed) keep(`\nended: it took longer than ${options.timeoutMs / 1000} s\n`);
      resolve(code === 0);
    });
  });
  const drained = new AbortController();
  const late = setTimeout(drainMs, undefined, { signal: drained.signal }).catch(() => undefined);
  await Promise.race([closed, late]);
  drained.abort();
  child.stdout.destroy();
  child.stderr.destroy();
  return { succeeded, output };
}
