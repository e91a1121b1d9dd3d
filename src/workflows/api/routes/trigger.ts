import { ParamError } from "#dag/params/check.ts";
import { findDag } from "#workflows/state/dags.ts";
import { RunExistsError, triggerRun, type Trigger } from "#workflows/scheduler/trigger-run.ts";
import { ok, type Answer } from "#workflows/api/exchange.ts";
import { date, nullable, object, required, text, type Values } from "#workflows/api/fields.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { runShape } from "#workflows/api/shapes/runs.ts";
import { inPath, requireRunRow } from "./find.ts";

/** What a run that is started by hand may be given. */
export const triggerFields = {
  dag_run_id: nullable(text({ max: 250 })),
  data_interval_start: nullable(date()),
  data_interval_end: nullable(date()),
  logical_date: nullable(date()),
  run_after: nullable(date()),
  conf: nullable(object()),
  note: nullable(text({ max: 1_000 })),
  partition_key: nullable(text()),
};

/** Starts a run and shows it. @throws {ApiProblem} 400, 404, 409 */
export async function startRun(
  call: Call<unknown, Values<typeof triggerFields>>,
  of: Pick<Trigger, "dagId" | "runType">,
): Promise<Answer> {
  const { database, clock } = call.ports;
  const { body } = call;
  const { dagId } = of;
  const dag = await findDag(database, dagId);
  if (dag?.active !== true) throw notFound(`Dag with dag_id: '${dagId}' not found`);
  if (body.partition_key != null) {
    throw badRequest(`Dag with dag_id: '${dagId}' is not partitioned`);
  }
  const { data_interval_start: start, data_interval_end: end } = body;
  if ((start == null) !== (end == null)) {
    throw badRequest(
      "Either both data_interval_start and data_interval_end must be provided or both must be None",
    );
  }
  const given = {
    ...of,
    runId: body.dag_run_id ?? undefined,
    logicalDate: body.logical_date ?? undefined,
    conf: (body.conf ?? {}) as Readonly<Record<string, never>>,
    interval: start == null || end == null ? undefined : { start, end },
    runAfter: body.run_after ?? undefined,
    about: { note: body.note, triggeredBy: "rest_api", triggeringUser: call.user.name },
  };
  try {
    const runId = await triggerRun(database, given, clock.now());
    return ok(runShape(await requireRunRow(database, { dagId, runId })));
  } catch (error) {
    if (error instanceof RunExistsError) throw conflict(error.message);
    if (error instanceof ParamError) throw badRequest(error.message);
    throw error;
  }
}

/** A run that is started by hand. */
export const triggerRoute: Route = route({
  method: "POST",
  path: "/dags/{dag_id}/dagRuns",
  subject: "dag",
  body: { ...triggerFields, logical_date: required(nullable(date())) },
  handle: (call) => startRun(call, { dagId: inPath(call, "dag_id") }),
});
