import { explainInstance } from "#workflows/scheduler/explain.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import type { VerbSession } from "./session.ts";

/** Says in words why a task instance does not run. @throws {Error} when there is none. */
export async function tasksWhy(
  session: VerbSession,
  key: InstanceKey,
  { output }: Form,
): Promise<void> {
  const { database, clock } = session;
  const found = await explainInstance(database, key, clock.now());
  if (found === undefined) {
    throw new Error(
      `run ${key.runId} of ${key.dagId} has no task '${key.taskId}' (${key.mapIndex})`,
    );
  }
  if (found.length === 0 && output === "table") {
    session.out("Task instance dependencies are all met.\n");
    return;
  }
  session.out(
    formatRows(
      found.map(({ name, reason }) => ({ dependency: name, reason })),
      output,
    ),
  );
}
