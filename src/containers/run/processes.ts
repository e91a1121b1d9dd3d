import type { Pod } from "#api/gen/types.ts";
import { formatTable } from "#base/docker-format.ts";
import type { Session } from "#cli/connection.ts";
import { nameOf } from "#containers/find.ts";
import { containerStateOf } from "#containers/state.ts";
import { UsageError } from "#containers/usage-error.ts";
import { askNode } from "./node.ts";

interface ProcessTable {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}

/** As `docker top` has it. */
const columnWidthMin = 20;

/**
 * `gantry top`: the processes of a container as the ps of its node shows them.
 * @param args for ps; `-ef` when there are none.
 */
export async function processTable(
  session: Session,
  pod: Pod,
  args: readonly string[],
): Promise<string> {
  if (containerStateOf(pod).kind !== "running") {
    throw new Error(`container ${nameOf(pod)} is not running`);
  }
  if (args.some((it) => /=\s*pid/i.test(it))) {
    throw new UsageError(`top: no column may be called PID but that of the process ids`);
  }
  const query = new URLSearchParams(args.map((it): [string, string] => ["arg", it]));
  const text = await askNode(session, pod, { method: "GET", route: "inside-processes", query });
  const { Titles, Processes } = JSON.parse(text) as ProcessTable;
  return formatTable([Titles, ...Processes], columnWidthMin);
}
