import type { RunState } from "#dag/model/states.ts";
import { deleteRun } from "#workflows/state/deletion.ts";
import type { Condition } from "#workflows/state/page.ts";
import { describeRun } from "#workflows/state/runs.ts";
import { setRunState } from "#workflows/scheduler/set-state.ts";
import { noContent, ok, type Answer } from "#workflows/api/exchange.ts";
import { findPage } from "#workflows/api/cursor.ts";
import { list, nullable, oneOf, text } from "#workflows/api/fields.ts";
import {
  batchFields,
  anyOf,
  listFields,
  type ListQuery,
  type ListSpec,
} from "#workflows/api/list.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import { runColumns, runShape, runTables } from "#workflows/api/shapes/runs.ts";
import { inPath, requireDag, requireRunRow, runKey, wildcard } from "./find.ts";
import { timeRanges, updatedAt, updatedRange } from "./time-ranges.ts";

const ranges = timeRanges("dag_run");

/** In Airflow's order, which its messages have. */
const runStates: readonly RunState[] = ["queued", "running", "success", "failed"];

const spec: ListSpec = {
  filters: [
    ...ranges,
    updatedRange("dag_run"),
    { kind: "any", name: "run_type", column: "dag_run.run_type", of: "text" },
    { kind: "any", name: "state", column: "dag_run.state", of: "text", among: runStates },
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
    updated_at: updatedAt("dag_run"),
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

/** `consuming_asset_pattern`: runs that an event of such an asset went into; the text as it is. */
function assetCondition(part: string | undefined): Condition[] {
  if (part === undefined || part === "") return [];
  const sql = `exists (select 1 from run_asset_event
    join asset_event on asset_event.id = run_asset_event.event_id
    left join asset on asset.name = asset_event.asset
    where run_asset_event.dag_id = dag_run.dag_id and run_asset_event.run_id = dag_run.run_id
      and (lower(asset_event.asset) like ? escape '!' or lower(asset.uri) like ? escape '!'))`;
  const value = `%${part.toLowerCase().replaceAll(/[!%_]/g, "!$&")}%`;
  return [{ sql, values: [value, value] }];
}

/** No run has a partition: none has one like this. */
function partitionCondition(...patterns: readonly (string | undefined)[]): Condition[] {
  const isAny = patterns.every((it) => it === undefined || it === "" || it === "~");
  return isAny ? [] : [{ sql: "1 = 0", values: [] }];
}

const moreParameters = {
  conf_contains: text(),
  cursor: text(),
  consuming_asset_pattern: text(),
  partition_key_pattern: text(),
  partition_key_prefix_pattern: text(),
  partition_date_gte: text(),
  partition_date_lte: text(),
};

async function answerList(
  call: Pick<Call, "ports">,
  query: ListQuery,
  conditions: readonly Condition[],
): Promise<Answer> {
  const of = { columns: runColumns, from: runTables, conditions };
  const { rows, about } = await findPage(call.ports.database, { spec, query }, of);
  return ok({ dag_runs: rows.map(runShape), ...about });
}

async function runAnswer(call: Call): Promise<Answer> {
  return ok(runShape(await requireRunRow(call.ports.database, runKey(call))));
}

const batchBody = {
  ...batchFields(ranges),
  dag_ids: nullable(list(text())),
  states: nullable(list(nullable(text()))),
  conf_contains: nullable(text()),
};

const lists: readonly Route[] = [
  route({
    method: "GET",
    path: "/dags/{dag_id}/dagRuns",
    subject: "dag",
    query: { ...listFields(spec), ...moreParameters },
    handle: async (call) => {
      const { query } = call;
      const dagId = inPath(call, "dag_id");
      const more = [
        ...confCondition(query.conf_contains),
        ...assetCondition(query.consuming_asset_pattern),
        ...partitionCondition(query.partition_key_pattern, query.partition_key_prefix_pattern),
      ];
      if (dagId !== wildcard) {
        await requireDag(call);
        more.push({ sql: "dag_run.dag_id = ?", values: [dagId] });
      }
      if (query.partition_date_gte !== undefined || query.partition_date_lte !== undefined) {
        throw badRequest(
          dagId === wildcard
            ? "partition_date_gte and partition_date_lte require a specific dag_id."
            : `Dag with dag_id: '${dagId}' is not partitioned; partition_date_gte and partition_date_lte are not supported.`,
        );
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
export const dagRunRoutes: readonly Route[] = [...lists, ...single];
