import type { Json, JsonObject } from "#api/object.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { answerApproval } from "#workflows/scheduler/approvals.ts";
import { findApproval, type Approval } from "#workflows/state/approvals.ts";
import type { InstanceKey } from "#workflows/state/instances.ts";
import type { Condition } from "#workflows/state/page.ts";
import { ok } from "#workflows/api/exchange.ts";
import {
  boolean,
  list,
  object,
  required,
  text,
  withDefault,
  type Values,
} from "#workflows/api/fields.ts";
import { findPage } from "#workflows/api/cursor.ts";
import { anyOf, listFields, type ListSpec } from "#workflows/api/list.ts";
import { badRequest, conflict, notFound } from "#workflows/api/problem.ts";
import { route, type Call, type Route } from "#workflows/api/routing.ts";
import {
  instanceColumns,
  instanceId,
  instanceShape,
  instanceTables,
  trialShape,
} from "#workflows/api/shapes/instances.ts";
import { moment } from "#workflows/api/shapes/values.ts";
import { inPath, requireInstanceRow, runKey, wildcard } from "./find.ts";
import { instanceKey, instancePath } from "./task-instances.ts";

const tables = `${instanceTables} join approval on approval.dag_id = task_instance.dag_id
  and approval.run_id = task_instance.run_id and approval.task_id = task_instance.task_id
  and approval.map_index = task_instance.map_index`;
const columns = `${instanceColumns}, approval.try_number as asked_try, approval.subject as subject,
  approval.body as body, approval.options as options, approval.multiple as multiple,
  approval.asked_at as asked_at, approval.chosen as chosen, approval.answered_by as answered_by,
  approval.answered_at as answered_at`;

const spec: ListSpec = {
  filters: [
    { kind: "pattern", name: "dag_id", column: "approval.dag_id" },
    { kind: "equal", name: "task_id", column: "approval.task_id", of: "text" },
    { kind: "pattern", name: "task_id", column: "approval.task_id" },
    { kind: "equal", name: "map_index", column: "approval.map_index", of: "integer" },
    { kind: "any", name: "state", column: "task_instance.state", of: "text" },
    { kind: "any", name: "responded_by_user_id", column: "approval.answered_by", of: "text" },
    { kind: "any", name: "responded_by_user_name", column: "approval.answered_by", of: "text" },
    { kind: "range", name: "created_at", column: "approval.asked_at", of: "date" },
  ],
  order: {
    ti_id: "approval.asked_at",
    subject: "approval.subject",
    responded_at: "approval.answered_at",
    created_at: "approval.asked_at",
    responded_by_user_id: "approval.answered_by",
    responded_by_user_name: "approval.answered_by",
    dag_id: "approval.dag_id",
    run_id: "approval.run_id",
    task_display_name: "approval.task_id",
    run_after: "dag_run.run_after",
    rendered_map_index: "approval.map_index",
    task_instance_operator: "task_instance.operator",
    task_instance_state: "task_instance.state",
  },
  defaultOrder: ["ti_id"],
  key: ["approval.dag_id", "approval.run_id", "approval.task_id", "approval.map_index"],
};

function person(name: string | undefined): JsonObject | null {
  return name === undefined ? null : { id: name, name };
}

/** A row of what a task asks as `HITLDetail`, without the task instance. */
function shape(row: Row): JsonObject {
  const chosen = maybeText(row, "chosen");
  return {
    options: JSON.parse(textOf(row, "options")) as Json,
    subject: textOf(row, "subject"),
    body: maybeText(row, "body") ?? null,
    defaults: null,
    multiple: numberOf(row, "multiple") === 1,
    params: {},
    assigned_users: [],
    created_at: moment(numberOf(row, "asked_at")),
    responded_by_user: person(maybeText(row, "answered_by")),
    responded_at: moment(maybeNumber(row, "answered_at")),
    chosen_options: chosen === undefined ? null : (JSON.parse(chosen) as Json),
    params_input: {},
    response_received: row["answered_at"] !== null,
  };
}

function contains(column: string, part: string | undefined): Condition[] {
  if (part === undefined || part === "") return [];
  return [{ sql: `lower(${column}) like ?`, values: [`%${part.toLowerCase()}%`] }];
}

function answered(given: boolean | undefined): Condition[] {
  if (given === undefined) return [];
  return [{ sql: `approval.answered_at is ${given ? "not " : ""}null`, values: [] }];
}

const all: Route = route({
  method: "GET",
  path: "/dags/{dag_id}/dagRuns/{dag_run_id}/hitlDetails",
  subject: "dag",
  query: {
    ...listFields(spec),
    response_received: boolean(),
    subject_search: text(),
    body_search: text(),
  },
  handle: async (call) => {
    const { query } = call;
    const { dagId, runId } = runKey(call);
    const conditions = [
      ...anyOf("approval.dag_id", dagId === wildcard ? [] : [dagId]),
      ...anyOf("approval.run_id", runId === wildcard ? [] : [runId]),
      ...answered(query.response_received),
      ...contains("approval.subject", query.subject_search),
      ...contains("approval.body", query.body_search),
    ];
    const of = { columns, from: tables, conditions };
    const { rows, about } = await findPage(call.ports.database, { spec, query }, of);
    const shown = rows.map((row) => ({ ...shape(row), task_instance: instanceShape(row) }));
    return ok({ hitl_details: shown, ...about });
  },
});

/** What the instance of the path asks. @throws {ApiProblem} 404 */
async function requireQuestion({ ports }: Pick<Call, "ports">, key: InstanceKey): Promise<Row> {
  await requireInstanceRow(ports.database, key);
  const [row] = await ports.database.rows(
    `select ${columns} from ${tables} where approval.dag_id = ? and approval.run_id = ?
       and approval.task_id = ? and approval.map_index = ?`,
    ...[key.dagId, key.runId, key.taskId, key.mapIndex],
  );
  if (row !== undefined) return row;
  throw notFound(
    `Human-in-the-loop detail does not exist for Task Instance with id ${instanceId(key)}`,
  );
}

const path = `${instancePath}/{map_index}/hitlDetails`;
const answerBody = {
  chosen_options: required(list(text())),
  params_input: withDefault(object(), {}),
};

/** @throws {ApiProblem} 400, 409 */
function checkAnswer(asked: Approval, { chosen_options: chosen }: Values<typeof answerBody>): void {
  if (asked.answer !== undefined) {
    throw conflict(
      `Human-in-the-loop detail has already been updated for Task Instance with id ${instanceId(asked)} and is not allowed to write again.`,
    );
  }
  const quoted = (names: readonly string[]): string =>
    `[${[...names]
      .sort()
      .map((it) => `'${it}'`)
      .join(", ")}]`;
  const wrong = chosen.filter((it) => !asked.options.includes(it));
  if (wrong.length > 0) {
    throw badRequest(
      `Invalid options ${quoted(wrong)}; allowed options are ${quoted(asked.options)}.`,
    );
  }
  if (chosen.length === 0) throw badRequest("At least one option must be chosen.");
  if (chosen.length > 1 && !asked.multiple) {
    throw badRequest(
      "Multiple options chosen but this Human-in-the-loop task accepts only a single option.",
    );
  }
}

const single: readonly Route[] = [
  route({
    method: "GET",
    path,
    subject: "dag",
    handle: async (call) => {
      const row = await requireQuestion(call, instanceKey(call, -1));
      return ok({ ...shape(row), task_instance: instanceShape(row) });
    },
  }),
  route({
    method: "GET",
    path: `${path}/tries/{try_number}`,
    subject: "dag",
    handle: async (call) => {
      const key = instanceKey(call, -1);
      const row = await requireQuestion(call, key);
      // What an earlier try has asked is not kept.
      if (String(row["asked_try"]) !== inPath(call, "try_number")) {
        throw notFound(
          `Human-in-the-loop detail does not exist for Task Instance with id ${instanceId(key)}`,
        );
      }
      return ok({ ...shape(row), task_instance: trialShape(row) });
    },
  }),
  route({
    method: "PATCH",
    path,
    subject: "dag",
    body: answerBody,
    handle: async (call) => {
      const { database, clock } = call.ports;
      const key = instanceKey(call, -1);
      await requireQuestion(call, key);
      const asked = await findApproval(database, key);
      if (asked !== undefined) checkAnswer(asked, call.body);
      const chosen = call.body.chosen_options;
      const by = call.user.name;
      const now = clock.now();
      await answerApproval(database, key, { chosen, by }, now);
      return ok({
        responded_by: { id: by, name: by },
        responded_at: moment(now),
        chosen_options: [...chosen],
        params_input: call.body.params_input,
      });
    },
  }),
];

/** What tasks ask people, and their answers. */
export const humanInputRoutes: readonly Route[] = [all, ...single];
