import type { Json } from "#api/object.ts";
import type { Database } from "#sql/database.ts";
import { findApproval, saveAnswer, saveApproval } from "#workflows/state/approvals.ts";
import { saveEvents } from "#workflows/state/events.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { Job, Question } from "#workflows/worker/protocol.ts";

/** Asks people for a task, once a try. @returns what was chosen; null while nothing was. */
export async function askPeople(
  database: Database,
  job: Job,
  question: Extract<Question, { readonly kind: "approval" }>,
  now: number,
): Promise<Json> {
  return await database.transaction(async (queries) => {
    const { dagId, runId, taskId, mapIndex, tryNumber } = job;
    const known = await findApproval(queries, job);
    if (known?.tryNumber === tryNumber) {
      const { answer } = known;
      return answer === undefined ? null : { chosen: [...answer.chosen], by: answer.by ?? null };
    }
    const { subject, body, options, multiple } = question;
    const asked = { subject, body, options, multiple, askedAt: now };
    await saveApproval(queries, { dagId, runId, taskId, mapIndex, tryNumber, ...asked });
    return null;
  });
}

export interface Answer {
  readonly chosen: readonly string[];
  readonly by: string | undefined;
}

/** Answers what a task asks; the task goes on with it. @throws {Error} when it cannot be answered so. */
export async function answerApproval(
  database: Database,
  key: InstanceKey,
  { chosen, by }: Answer,
  now: number,
): Promise<void> {
  const { dagId, runId, taskId, mapIndex } = key;
  await database.transaction(async (queries) => {
    const asked = await findApproval(queries, key);
    if (asked === undefined) throw new Error(`task ${taskId} of run ${runId} asks nothing`);
    const wrong = chosen.find((it) => !asked.options.includes(it));
    if (wrong !== undefined) {
      throw new Error(`'${wrong}' is none of the options: ${asked.options.join(", ")}`);
    }
    if (chosen.length === 0 || (chosen.length > 1 && !asked.multiple)) {
      throw new Error("exactly one option must be chosen");
    }
    if (!(await saveAnswer(queries, key, { chosen, by, at: now }))) {
      throw new Error(`task ${taskId} of run ${runId} was answered already`);
    }
    // It looks again now. One whose try has not ended yet will see the answer by itself.
    await queries.run(
      `update task_instance set next_at = ? where dag_id = ? and run_id = ? and task_id = ?
         and map_index = ? and state = 'up_for_reschedule'`,
      now,
      dagId,
      runId,
      taskId,
      mapIndex,
    );
    await queries.run(
      "update dag_run set plan_at = ?, revision = revision + 1 where dag_id = ? and run_id = ?",
      now,
      dagId,
      runId,
    );
    const event = { at: now, name: "task.answered", dagId, runId, taskId, mapIndex, owner: by };
    await saveEvents(queries, [{ ...event, extra: chosen.join(", ") }]);
  }, true);
  await database.notify();
}
