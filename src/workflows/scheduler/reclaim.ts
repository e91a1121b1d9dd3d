import { instancesOf } from "#workflows/state/instances.ts";
import type { RunKey } from "#workflows/state/runs.ts";
import type { Turn } from "./turn-context.ts";

/**
 * Takes back what the database says that this scheduler runs, but no executor of it has. It runs
 * again, and this costs it none of its tries. @returns the runs concerned.
 */
export async function reclaim(turn: Turn, known: ReadonlySet<string>): Promise<readonly RunKey[]> {
  const runs: RunKey[] = [];
  for (const row of await instancesOf(turn.queries, turn.owner)) {
    if (row.attempt !== undefined && known.has(row.attempt)) continue;
    const record = await turn.records.get(turn.queries, row);
    const instance = record?.find(row.taskId, row.mapIndex);
    if (record === undefined || instance === undefined) continue;
    const { dagId, runId, taskId, mapIndex, tryNumber, maxTries } = instance;
    record.set(instance, {
      state: null,
      attempt: undefined,
      owner: undefined,
      maxTries: maxTries + 1,
      reason: "its start was not known to have been stored",
    });
    const event = { at: turn.now, dagId, runId, taskId, mapIndex, tryNumber, owner: turn.owner };
    turn.events.push({ ...event, name: "task.orphaned" });
    runs.push({ dagId, runId });
  }
  return runs;
}
