import { formatMoment } from "#dag/timetable/moment.ts";
import { dropMet, dueDeadlines, markMissed } from "#workflows/state/deadlines.ts";
import { findRun } from "#workflows/state/runs.ts";
import type { Turn } from "./turn-context.ts";

/** Most deadlines that are looked at in one turn. */
const deadlinesPerTurnMax = 100;

/** Has the callbacks called of deadlines that runs have missed: in this transaction, so only once. */
export async function missDeadlines(turn: Turn): Promise<void> {
  const { queries, now } = turn;
  for (const it of await dueDeadlines(queries, now, deadlinesPerTurnMax)) {
    const { dagId, runId, dueAt, position } = it;
    const run = turn.records.seen(it)?.run ?? (await findRun(queries, it));
    if (run?.state === "success" && run.endedAt !== undefined) {
      await dropMet(queries, it, run.endedAt);
      if (run.endedAt <= dueAt) continue;
    }
    await markMissed(queries, it.id, now);
    const extra = `${it.name ?? `deadline ${position}`}: ${formatMoment(dueAt)}`;
    turn.events.push({ at: now, name: "deadline.missed", dagId, runId, extra });
    const deadline = { position, at: dueAt };
    const error = undefined;
    turn.callbacks.push({ dagId, runId, name: "onDeadline", task: undefined, error, deadline });
  }
}
