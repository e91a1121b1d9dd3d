import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Programs may say a line for each fault; the first ones tell what is wrong. */
const errorBytesMax = 2_000;
const outputBytesMax = 64 * 1024 * 1024;

/** What the program printed. @throws {Error} with the first of what it said, when it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  try {
    const options = { signal, maxBuffer: outputBytesMax };
    return (await promisify(execFile)(program, [...args], options)).stdout;
  } catch (cause) {
    signal.throwIfAborted();
    const { stderr = "" } = cause as { readonly stderr?: string };
    const said = stderr.trim().slice(0, errorBytesMax);
    throw new Error(`${program} ${args.join(" ")}: ${said}`, { cause });
  }
}
