import { listDeadlines } from "#workflows/state/deadlines.ts";
import { ok } from "#workflows/api/exchange.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { moment } from "#workflows/api/shapes/values.ts";
import { requireRunRow, runKey } from "./find.ts";

/** The deadlines of a run; the shape is that of Airflow's own pages, whose public API has none. */
export const deadlineRoute: Route = route({
  method: "GET",
  path: "/dags/{dag_id}/dagRuns/{dag_run_id}/deadlines",
  subject: "dag",
  handle: async (call) => {
    const { database } = call.ports;
    const key = runKey(call);
    await requireRunRow(database, key);
    const deadlines = (await listDeadlines(database, key)).map((it) => ({
      id: String(it.id),
      deadline_time: moment(it.dueAt),
      missed: it.missedAt !== undefined,
      created_at: moment(it.createdAt),
      dag_id: it.dagId,
      dag_run_id: it.runId,
      alert_id: String(it.position),
      alert_name: it.name ?? null,
    }));
    return ok({ deadlines, total_entries: deadlines.length });
  },
});
