import { maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Queries } from "#sql/database.ts";

/** Slots that tasks share. */
export interface Pool {
  readonly name: string;
  /** -1 for any number. */
  readonly slots: number;
  readonly description: string | undefined;
}

export const defaultPool = "default_pool";

export async function listPools(queries: Queries): Promise<readonly Pool[]> {
  const rows = await queries.rows("select * from pool order by name");
  return rows.map((row) => ({
    name: textOf(row, "name"),
    slots: numberOf(row, "slots"),
    description: maybeText(row, "description"),
  }));
}

export async function savePool(queries: Queries, pool: Pool): Promise<void> {
  await queries.run(
    `insert into pool (name, slots, description) values (?, ?, ?)
     on conflict (name) do update set slots = excluded.slots, description = excluded.description`,
    pool.name,
    pool.slots,
    pool.description ?? null,
  );
}

/** False when there is none. */
export async function deletePool(queries: Queries, name: string): Promise<boolean> {
  return (await queries.run("delete from pool where name = ?", name)) > 0;
}

/** Slots that queued and running instances hold, by pool. */
export async function usedSlots(queries: Queries): Promise<ReadonlyMap<string, number>> {
  const rows = await queries.rows(
    "select pool, sum(pool_slots) as used from task_instance where state in ('queued', 'running') group by pool",
  );
  return new Map(rows.map((row) => [textOf(row, "pool"), numberOf(row, "used")]));
}

/** Slots that instances which are under way or wait for it stand for, by pool and state. */
export async function slotsByState(
  queries: Queries,
): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
  const rows = await queries.rows(
    `select pool, state, sum(pool_slots) as slots from task_instance
     where state in ('scheduled', 'queued', 'running', 'up_for_reschedule') group by pool, state`,
  );
  const pools = new Map<string, Map<string, number>>();
  for (const row of rows) {
    const states = pools.get(textOf(row, "pool")) ?? new Map<string, number>();
    states.set(textOf(row, "state"), numberOf(row, "slots"));
    pools.set(textOf(row, "pool"), states);
  }
  return pools;
}
