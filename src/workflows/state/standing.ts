import { numberOf, textOf } from "#sql/columns.ts";
import { insertRows, type Queries } from "#sql/database.ts";

/** What a scheduler says of itself, for those who ask why something does not run. */
export interface Standing {
  /** By executor: how many more tasks it takes. */
  readonly free: ReadonlyMap<string, number>;
  /** By attempt: what a try that was given away waits for. */
  readonly waits: ReadonlyMap<string, string>;
}

/** Most characters of a reason. */
const reasonLengthMax = 2_000;

/** Stores what is other than `before`. @param id of the scheduler. */
export async function saveStanding(
  queries: Queries,
  id: string,
  now: Standing,
  before: Standing | undefined,
): Promise<void> {
  const free = JSON.stringify(Object.fromEntries(now.free));
  if (before === undefined || free !== JSON.stringify(Object.fromEntries(before.free))) {
    await queries.run("update job set free = ? where id = ?", free, id);
  }
  for (const attempt of before?.waits.keys() ?? []) {
    if (now.waits.has(attempt)) continue;
    await queries.run("delete from waiting_try where attempt = ?", attempt);
  }
  const changed = [...now.waits].filter(([it, reason]) => before?.waits.get(it) !== reason);
  await insertRows(
    queries,
    "waiting_try",
    ["attempt", "reason"],
    changed.map(([attempt, reason]) => [attempt, reason.slice(0, reasonLengthMax)]),
    "on conflict (attempt) do update set reason = excluded.reason",
  );
}

/** Forgets what schedulers that ended have left of tries that are over. */
export async function sweepWaits(queries: Queries): Promise<void> {
  await queries.run(
    `delete from waiting_try where attempt not in
       (select attempt from task_instance where attempt is not null)`,
  );
}

/** What a try waits for, as the scheduler that has it said last. */
export async function findWait(queries: Queries, attempt: string): Promise<string | undefined> {
  const [row] = await queries.rows("select reason from waiting_try where attempt = ?", attempt);
  return row === undefined ? undefined : textOf(row, "reason");
}

/** By executor: how many more tasks the schedulers take that were heard of since then. */
export async function freeSlots(
  queries: Queries,
  since: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await queries.rows(
    "select free, seen_at from job where kind = 'scheduler' and free is not null",
  );
  const all = new Map<string, number>();
  for (const row of rows) {
    if (numberOf(row, "seen_at") < since) continue;
    const own = JSON.parse(textOf(row, "free")) as Record<string, number>;
    for (const [name, count] of Object.entries(own)) {
      all.set(name, (all.get(name) ?? 0) + Math.max(0, count));
    }
  }
  return all;
}
