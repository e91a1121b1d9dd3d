import { explainInstance } from "#workflows/scheduler/explain.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { Form } from "./dags.ts";
import { requireInstance, requireRun } from "./find-run.ts";
import { formatRows } from "./output.ts";
import type { VerbSession } from "./session.ts";

async function turned(session: VerbSession, key: InstanceKey): Promise<InstanceKey> {
  const run = await requireRun(session, key.dagId, key.taskId).catch(() => undefined);
  return { ...key, runId: run?.runId ?? key.taskId, taskId: key.runId };
}

/** Says in words why a task instance does not run. @throws {Error} when there is none. */
export async function tasksWhy(
  session: VerbSession,
  key: InstanceKey,
  { output }: Form,
): Promise<void> {
  const { database, clock } = session;
  const explain = (it: InstanceKey): ReturnType<typeof explainInstance> =>
    explainInstance(database, it, clock.now());
  const found =
    (await explain(key)) ??
    // As Airflow has it: the task first, then the run or its date.
    (await explain(await turned(session, key))) ??
    (await explain(await requireInstance(session, key))) ??
    [];
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
