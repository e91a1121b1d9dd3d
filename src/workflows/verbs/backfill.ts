import { formatMoment, parseMoment } from "#dag/timetable/moment.ts";
import { cancelBackfill, createBackfill, pauseBackfill } from "#workflows/scheduler/backfill.ts";
import {
  listBackfills,
  type BackfillProgress,
  type Reprocess,
} from "#workflows/state/backfills.ts";
import { parseConf, requireDag, type Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import { when, type VerbSession } from "./session.ts";

/** Most backfills that a list shows. */
const shown = 100;

export interface BackfillOptions extends Form {
  readonly dagId: string;
  readonly fromDate: string;
  readonly toDate: string;
  readonly runBackwards?: boolean;
  readonly maxActiveRuns: number;
  readonly reprocessBehavior: Reprocess;
  readonly dagRunConf?: string;
  readonly dryRun?: boolean;
}

export async function backfillCreate(
  session: VerbSession,
  options: BackfillOptions,
): Promise<void> {
  const { database, clock } = session;
  const { dagId, maxActiveRuns } = options;
  await requireDag(session, dagId);
  const { id, dates } = await createBackfill(
    database,
    {
      dagId,
      from: parseMoment(options.fromDate, "UTC"),
      to: parseMoment(options.toDate, "UTC"),
      backwards: options.runBackwards ?? false,
      reprocess: options.reprocessBehavior,
      conf: parseConf(options.dagRunConf),
      maxActiveRuns,
      dryRun: options.dryRun ?? false,
    },
    clock.now(),
  );
  const rows = dates.map(({ time, action, run }) => ({
    logical_date: formatMoment(time.interval.start),
    action,
    run_id: run?.runId ?? null,
    state: run?.state ?? null,
  }));
  session.out(formatRows(rows, options.output));
  if (id !== undefined) session.out(`Backfill ${id} created\n`);
}

export async function backfillList(
  session: VerbSession,
  dagId: string | undefined,
  { output }: Form,
): Promise<void> {
  const rows = (await listBackfills(session.database, dagId, shown)).map((it) => ({
    id: it.id,
    dag_id: it.dagId,
    from_date: when(it.from),
    to_date: when(it.to),
    state: stateOf(it),
    ended: `${it.runs - it.open} of ${it.runs}`,
    max_active_runs: it.maxActiveRuns,
    reprocess_behavior: it.reprocess,
    completed_at: when(it.completedAt),
  }));
  session.out(formatRows(rows, output));
}

function stateOf(it: BackfillProgress): string {
  if (it.cancelledAt !== undefined) return "cancelled";
  if (it.completedAt !== undefined) return "completed";
  return it.paused ? "paused" : "running";
}

export async function backfillPause(
  session: VerbSession,
  id: number,
  paused: boolean,
): Promise<void> {
  await pauseBackfill(session.database, id, paused);
  session.out(`Backfill ${id} ${paused ? "paused" : "unpaused"}\n`);
}

export async function backfillCancel(session: VerbSession, id: number): Promise<void> {
  await cancelBackfill(session.database, id, session.clock.now());
  session.out(`Backfill ${id} cancelled\n`);
}
