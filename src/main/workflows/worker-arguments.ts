import { dirname, extname, join } from "node:path";

const noWarning = "--disable-warning=ExperimentalWarning";

/** Arguments for Node that start a worker of workflows: the program for that is beside this one. */
export function workerArguments(): readonly string[] {
  const program = process.argv[1] ?? "";
  // What takes types out of code is called experimental, which no task has to know.
  return [noWarning, join(dirname(program), `workflow-worker-program${extname(program)}`)];
}
