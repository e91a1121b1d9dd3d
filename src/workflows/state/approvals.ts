import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Queries, Row } from "#sql/database.ts";
import type { InstanceKey } from "./instances.ts";

/** What a task asks people, and what they have answered. */
export interface Approval extends InstanceKey {
  readonly tryNumber: number;
  readonly subject: string;
  readonly body: string | undefined;
  readonly options: readonly string[];
  /** Whether several options may be chosen. */
  readonly multiple: boolean;
  readonly askedAt: number;
  readonly answer:
    | { readonly chosen: readonly string[]; readonly by: string | undefined; readonly at: number }
    | undefined;
}

export type NewApproval = Omit<Approval, "answer">;

function approval(row: Row): Approval {
  const at = maybeNumber(row, "answered_at");
  const chosen = maybeText(row, "chosen");
  return {
    dagId: textOf(row, "dag_id"),
    runId: textOf(row, "run_id"),
    taskId: textOf(row, "task_id"),
    mapIndex: numberOf(row, "map_index"),
    tryNumber: numberOf(row, "try_number"),
    subject: textOf(row, "subject"),
    body: maybeText(row, "body"),
    options: JSON.parse(textOf(row, "options")) as string[],
    multiple: numberOf(row, "multiple") === 1,
    askedAt: numberOf(row, "asked_at"),
    answer:
      at === undefined || chosen === undefined
        ? undefined
        : { chosen: JSON.parse(chosen) as string[], by: maybeText(row, "answered_by"), at },
  };
}

const key = "dag_id = ? and run_id = ? and task_id = ? and map_index = ?";

function keyOf(it: InstanceKey): readonly [string, string, string, number] {
  return [it.dagId, it.runId, it.taskId, it.mapIndex];
}

export async function findApproval(
  queries: Queries,
  it: InstanceKey,
): Promise<Approval | undefined> {
  return (await queries.rows(`select * from approval where ${key}`, ...keyOf(it))).map(approval)[0];
}

/** Those that nobody has answered, the oldest first; of one DAG when it is named. */
export async function openApprovals(
  queries: Queries,
  dagId: string | undefined,
  limit: number,
): Promise<readonly Approval[]> {
  const rows = await queries.rows(
    `select * from approval where answered_at is null ${dagId === undefined ? "" : "and dag_id = ?"}
     order by asked_at limit ?`,
    ...(dagId === undefined ? [] : [dagId]),
    limit,
  );
  return rows.map(approval);
}

/** Asks, in place of what an earlier try has asked. */
export async function saveApproval(queries: Queries, it: NewApproval): Promise<void> {
  await queries.run(`delete from approval where ${key}`, ...keyOf(it));
  await queries.run(
    `insert into approval (dag_id, run_id, task_id, map_index, try_number, subject, body, options,
       multiple, asked_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...keyOf(it),
    it.tryNumber,
    it.subject,
    it.body ?? null,
    JSON.stringify(it.options),
    it.multiple ? 1 : 0,
    it.askedAt,
  );
}

/** False when it was answered already, or never asked. */
export async function saveAnswer(
  queries: Queries,
  it: InstanceKey,
  answer: NonNullable<Approval["answer"]>,
): Promise<boolean> {
  const changed = await queries.run(
    `update approval set chosen = ?, answered_by = ?, answered_at = ?
     where ${key} and answered_at is null`,
    JSON.stringify(answer.chosen),
    answer.by ?? null,
    answer.at,
    ...keyOf(it),
  );
  return changed > 0;
}
