import { ParamError } from "#dag/params/check.ts";
import { findDag } from "#workflows/state/dags.ts";
import { deleteRun } from "#workflows/state/deletion.ts";
import { selectPage, type Condition } from "#workflows/state/page.ts";
import { describeRun } from "#workflows/state/runs.ts";
import { setRunState } from "#workflows/scheduler/set-state.ts";
import { RunExistsError, triggerRun } from "#workflows/scheduler/trigger-run.ts";
import { noContent, ok, type Answer } from "#workflows/api/exchange.ts";
import {
  date,
  integer,
  list,
  nullable,
  object,
  oneOf,
  required,
  text,
  withDefault,
} from "#workflows/api/fields.ts";
import {
  anyOf,
  listFields,
  selectionOf,
  type ListQuery,
  type ListSpec,
} from "#workflows/api/list.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { runColumns, runShape, runTables } from "#workflows/api/shapes/runs.ts";
import { inPath, requireDag, requireRunRow, runKey, wildcard } from "./find.ts";
import { timeRanges } from "./time-ranges.ts";

const ranges = timeRanges("dag_run");

const spec: ListSpec = {
  filters: [
    ...ranges,
    { kind: "any", name: "run_type", column: "dag_run.run_type", of: "text" },
    { kind: "any", name: "state", column: "dag_run.state", of: "text" },
    { kind: "any", name: "dag_version", column: "dag_run.version", of: "integer" },
    { kind: "pattern", name: "run_id", column: "dag_run.run_id" },
    { kind: "pattern", name: "dag_id", column: "dag_run.dag_id" },
    { kind: "pattern", name: "triggering_user_name", column: "dag_run.triggering_user" },
    { kind: "equal", name: "bundle_version", column: "dag_version.bundle", of: "text" },
  ],
  order: {
    id: "dag_run.queued_at",
    dag_id: "dag_run.dag_id",
    run_id: "dag_run.run_id",
    dag_run_id: "dag_run.run_id",
    state: "dag_run.state",
    run_type: "dag_run.run_type",
    run_after: "dag_run.run_after",
    logical_date: "dag_run.logical_date",
    start_date: "dag_run.started_at",
    end_date: "dag_run.ended_at",
    queued_at: "dag_run.queued_at",
    updated_at: "coalesce(dag_run.ended_at, dag_run.started_at, dag_run.queued_at)",
    duration: "(dag_run.ended_at - dag_run.started_at)",
    triggering_user_name: "dag_run.triggering_user",
    conf: "dag_run.conf",
  },
  defaultOrder: ["id"],
  key: ["dag_run.dag_id", "dag_run.run_id"],
};

/** `conf_contains` */
function confCondition(part: string | undefined): Condition[] {
  if (part === undefined || part === "") return [];
  return [{ sql: "lower(dag_run.conf) like ?", values: [`%${part.toLowerCase()}%`] }];
}

async function answerList(
  call: Pick<Call, "ports">,
  query: ListQuery,
  more: readonly Condition[],
): Promise<Answer> {
  const selection = selectionOf(spec, query);
  const { rows, total } = await selectPage(call.ports.database, {
    ...selection,
    columns: runColumns,
    from: runTables,
    conditions: [...selection.conditions, ...more],
  });
  return ok({ dag_runs: rows.map(runShape), total_entries: total });
}

async function runAnswer(call: Call): Promise<Answer> {
  return ok(runShape(await requireRunRow(call.ports.database, runKey(call))));
}

const batchBody = {
  order_by: nullable(text()),
  page_offset: withDefault(integer({ min: 0 }), 0),
  page_limit: withDefault(integer({ min: 0 }), 100),
  dag_ids: nullable(list(text())),
  states: nullable(list(nullable(text()))),
  conf_contains: nullable(text()),
  ...Object.fromEntries(
    Object.entries(listFields({ ...spec, filters: ranges }))
      .filter(([name]) => !["limit", "offset", "order_by"].includes(name))
      .map(([name, field]) => [name, nullable(field)]),
  ),
};

const lists: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags/{dag_id}/dagRuns",
    subject: "dag",
    query: { ...listFields(spec), conf_contains: text() },
    handle: async (call) => {
      const more = confCondition(call.query.conf_contains);
      if (inPath(call, "dag_id") !== wildcard) {
        const { dagId } = await requireDag(call);
        more.push({ sql: "dag_run.dag_id = ?", values: [dagId] });
      }
      return await answerList(call, call.query, more);
    },
  }),
  route({
    method: "POST",
    path: "/dags/{dag_id}/dagRuns/list",
    subject: "dag",
    reads: true,
    body: batchBody,
    handle: async (call) => {
      const { body } = call;
      if (inPath(call, "dag_id") !== wildcard) {
        throw badRequest("The only allowed value for dag_id in this operation is '~'");
      }
      const { page_limit: limit, page_offset: offset, order_by: order } = body;
      const order_by = order == null ? undefined : [order];
      return await answerList(call, { ...body, limit, offset, order_by }, [
        ...anyOf("dag_run.dag_id", body.dag_ids ?? []),
        ...anyOf("dag_run.state", body.states ?? []),
        ...confCondition(body.conf_contains ?? undefined),
      ]);
    },
  }),
];

const triggerBody = {
  dag_run_id: nullable(text({ max: 250 })),
  data_interval_start: nullable(date()),
  data_interval_end: nullable(date()),
  logical_date: required(nullable(date())),
  run_after: nullable(date()),
  conf: nullable(object()),
  note: nullable(text({ max: 1_000 })),
  partition_key: nullable(text()),
};

const trigger: Route = route({
  method: "POST",
  path: "/dags/{dag_id}/dagRuns",
  subject: "dag",
  body: triggerBody,
  handle: async (call) => {
    const { database, clock } = call.ports;
    const { body } = call;
    const dagId = inPath(call, "dag_id");
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
      dagId,
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
  },
});

const patchBody = {
  state: nullable(oneOf(["queued", "success", "failed"])),
  note: nullable(text({ max: 1_000 })),
};

const single: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags/{dag_id}/dagRuns/{dag_run_id}",
    subject: "dag",
    handle: runAnswer,
  }),
  route({
    method: "PATCH",
    path: "/dags/{dag_id}/dagRuns/{dag_run_id}",
    subject: "dag",
    query: { update_mask: list(text()) },
    body: patchBody,
    handle: async (call) => {
      const { database, clock } = call.ports;
      const key = runKey(call);
      await requireRunRow(database, key);
      const mask = call.query.update_mask ?? ["state", "note"];
      const { state, note } = call.body;
      if (mask.includes("state") && state != null) {
        await setRunState(database, { ...key, state, owner: call.user.name }, clock.now());
      }
      if (mask.includes("note")) await describeRun(database, key, { note });
      return await runAnswer(call);
    },
  }),
  route({
    method: "DELETE",
    path: "/dags/{dag_id}/dagRuns/{dag_run_id}",
    subject: "dag",
    handle: async (call) => {
      const { database, clock } = call.ports;
      const key = runKey(call);
      const outcome = await deleteRun(database, { ...key, owner: call.user.name }, clock.now());
      const name = `The DagRun with dag_id: \`${key.dagId}\` and run_id: \`${key.runId}\``;
      if (outcome === "unknown") throw notFound(`${name} was not found`);
      if (outcome === "busy") throw conflict(`${name} cannot be deleted in running state`);
      return noContent;
    },
  }),
];

/** Runs of DAGs. */
export const dagRunRoutes: readonly Route[] = [...lists, trigger, ...single];
