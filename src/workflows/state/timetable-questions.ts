import { numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";

/** Has the timetable of a DAG's file asked for its next run. */
export async function saveQuestion(queries: Queries, dagId: string, now: number): Promise<void> {
  await queries.run(
    `insert into timetable_question (dag_id, asked_at) values (?, ?)
     on conflict (dag_id) do update set asked_at = excluded.asked_at, taken_at = null`,
    dagId,
    now,
  );
}

export interface TimetableQuestionRow {
  readonly dagId: string;
  readonly askedAt: number;
}

/** Takes one that nobody has taken since `lost`. Undefined when there is none. */
export async function takeQuestion(
  queries: Queries,
  now: number,
  lost: number,
): Promise<TimetableQuestionRow | undefined> {
  const [row] = await queries.rows(
    `update timetable_question set taken_at = ? where dag_id = (
       select min(dag_id) from timetable_question where taken_at is null or taken_at < ?)
     returning dag_id, asked_at`,
    now,
    lost,
  );
  if (row === undefined) return undefined;
  return { dagId: textOf(row, "dag_id"), askedAt: numberOf(row, "asked_at") };
}

/** Has it taken again after `at`, unless it is asked anew before. */
export async function postponeQuestion(
  queries: Queries,
  { dagId, askedAt }: TimetableQuestionRow,
  at: number,
): Promise<void> {
  await queries.run(
    "update timetable_question set taken_at = ? where dag_id = ? and asked_at = ?",
    at,
    dagId,
    askedAt,
  );
}

/** False when it was asked again meanwhile. */
export async function endQuestion(
  queries: Queries,
  { dagId, askedAt }: TimetableQuestionRow,
): Promise<boolean> {
  const ended = await queries.run(
    "delete from timetable_question where dag_id = ? and asked_at = ? and taken_at is not null",
    dagId,
    askedAt,
  );
  return ended > 0;
}
