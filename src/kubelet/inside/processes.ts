import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { hasCode } from "#cri/procfs.ts";
import { chooseProcesses, type ProcessTable } from "./process-table.ts";

const run = promisify(execFile);

const outputBytesMax = 16 * 1024 * 1024;
const argsMax = 32;

/**
 * The processes of a container as the node's ps shows them: the image needs none.
 * @throws {Error} with what ps says.
 */
export async function listContainerProcesses(
  pids: readonly number[],
  args: readonly string[],
  signal: AbortSignal,
): Promise<ProcessTable> {
  if (args.length > argsMax) throw new Error(`ps: more than ${argsMax} words`);
  try {
    const options = { signal, maxBuffer: outputBytesMax, encoding: "utf8" } as const;
    // Some choices of columns alone show only processes of one's own; not every ps knows -q.
    const named = run("ps", [...args, `-q${pids.join(",")}`], options);
    const { stdout } = await named.catch(async (error: unknown) => {
      if (hasCode(error, "ENOENT")) throw error;
      return await run("ps", [...args], options);
    });
    return chooseProcesses(stdout, pids);
  } catch (error) {
    if (hasCode(error, "ENOENT")) {
      throw new Error("the node has no ps: install the package procps there", { cause: error });
    }
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw said === "" ? error : new Error(said.split("\n", 1)[0], { cause: error });
  }
}
