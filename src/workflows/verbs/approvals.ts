import { answerApproval } from "#workflows/scheduler/approvals.ts";
import { openApprovals } from "#workflows/state/approvals.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import { when, type VerbSession } from "./session.ts";

/** Most questions that are shown. */
const shown = 200;

/** What tasks ask people. */
export async function tasksQuestions(
  session: VerbSession,
  dagId: string | undefined,
  { output }: Form,
): Promise<void> {
  const rows = (await openApprovals(session.database, dagId, shown)).map((it) => ({
    dag_id: it.dagId,
    run_id: it.runId,
    task_id: it.taskId,
    map_index: it.mapIndex < 0 ? null : it.mapIndex,
    subject: it.subject,
    options: it.options.join(", "),
    asked_at: when(it.askedAt),
  }));
  session.out(formatRows(rows, output));
}

/** Answers what a task asks. */
export async function tasksAnswer(
  session: VerbSession,
  key: InstanceKey,
  answer: { readonly chosen: readonly string[]; readonly by: string | undefined },
): Promise<void> {
  await answerApproval(session.database, key, answer, session.clock.now());
  session.out(`Task ${key.taskId} goes on with ${answer.chosen.join(", ")}\n`);
}
