import { join } from "node:path";
import type { JsonObject } from "#api/object.ts";
import { maybeNumber, maybeText, numberOf, textOf } from "#sql/columns.ts";
import type { Row } from "#sql/database.ts";
import { schedulerSilenceMs } from "#workflows/scheduler/silence.ts";
import { listImportErrors, type ImportError } from "#workflows/state/dags.ts";
import { listSchedulers, type SchedulerJob } from "#workflows/state/jobs.ts";
import { selectPage, type Condition } from "#workflows/state/page.ts";
import { ok } from "#workflows/api/exchange.ts";
import { boolean, date, list, text } from "#workflows/api/fields.ts";
import { listFields, selectionOf, type Filter, type ListSpec } from "#workflows/api/list.ts";
import { shortPage, type ShortListSpec } from "#workflows/api/short-list.ts";
import type { ApiPorts } from "#workflows/api/ports.ts";
import { notFound } from "#workflows/api/problem.ts";
import { route, type Route } from "#workflows/api/routing.ts";
import { bundleName } from "#workflows/api/shapes/dags.ts";
import { moment, numberFor } from "#workflows/api/shapes/values.ts";
import { inPath } from "./find.ts";

const eventTexts = {
  dag_id: "dag_id",
  task_id: "task_id",
  run_id: "run_id",
  owner: "owner",
  event: "name",
};

const eventSpec: ListSpec = {
  filters: [
    ...Object.entries(eventTexts).flatMap(([name, column]): Filter[] => [
      { kind: "equal", name, column, of: "text" },
      { kind: "pattern", name, column },
    ]),
    { kind: "equal", name: "map_index", column: "map_index", of: "integer" },
    { kind: "equal", name: "try_number", column: "try_number", of: "integer" },
    { kind: "any", name: "included_events", column: "name", of: "text" },
  ],
  order: {
    id: "id",
    event_log_id: "id",
    when: "at",
    dttm: "at",
    dag_id: "dag_id",
    task_id: "task_id",
    run_id: "run_id",
    event: "name",
    owner: "owner",
    extra: "extra",
    logical_date: "at",
  },
  defaultOrder: ["id"],
  key: ["id"],
};

/** A row of table `event` as `EventLogResponse`. */
function eventShape(row: Row): JsonObject {
  const dagId = maybeText(row, "dag_id") ?? null;
  const taskId = maybeText(row, "task_id") ?? null;
  return {
    event_log_id: numberOf(row, "id"),
    when: moment(numberOf(row, "at")),
    dag_id: dagId,
    task_id: taskId,
    run_id: maybeText(row, "run_id") ?? null,
    map_index: maybeNumber(row, "map_index") ?? null,
    try_number: maybeNumber(row, "try_number") ?? null,
    event: textOf(row, "name"),
    logical_date: null,
    owner: maybeText(row, "owner") ?? null,
    extra: maybeText(row, "extra") ?? null,
    dag_display_name: dagId,
    task_display_name: taskId,
  };
}

const eventLogs: readonly Route[] = [
  route({
    method: "GET",
    path: "/eventLogs",
    subject: "dag",
    query: {
      ...listFields(eventSpec),
      excluded_events: list(text()),
      before: date(),
      after: date(),
    },
    handle: async ({ ports, query }) => {
      const selection = selectionOf(eventSpec, query);
      const more: Condition[] = (query.excluded_events ?? []).map((it) => ({
        sql: "name <> ?",
        values: [it],
      }));
      if (query.before !== undefined) more.push({ sql: "at <= ?", values: [query.before] });
      if (query.after !== undefined) more.push({ sql: "at >= ?", values: [query.after] });
      const conditions = [...selection.conditions, ...more];
      const found = { ...selection, conditions, columns: "*", from: "event" };
      const { rows, total } = await selectPage(ports.database, found);
      return ok({ event_logs: rows.map(eventShape), total_entries: total });
    },
  }),
  route({
    method: "GET",
    path: "/eventLogs/{event_log_id}",
    subject: "dag",
    handle: async (call) => {
      const id = inPath(call, "event_log_id");
      const number = /^\d{1,15}$/.test(id) ? Number(id) : -1;
      const [row] = await call.ports.database.rows("select * from event where id = ?", number);
      if (row === undefined) throw notFound(`The Event Log with id: \`${id}\` not found`);
      return ok(eventShape(row));
    },
  }),
];

/** A broken file as `ImportErrorResponse`. */
function importErrorShape({ dagsFolder }: ApiPorts, it: ImportError): JsonObject {
  const place = it.line === undefined ? "" : ` (line ${it.line})`;
  return {
    import_error_id: numberFor(it.file),
    timestamp: moment(it.at),
    filename: join(dagsFolder, it.file),
    bundle_name: bundleName,
    stack_trace: `${it.message}${place}`,
  };
}

const errorSpec: ShortListSpec = {
  filters: [
    { kind: "pattern", name: "filename", column: "filename" },
    { kind: "equal", name: "filename", column: "filename", of: "text" },
    { kind: "equal", name: "bundle_name", column: "bundle_name", of: "text" },
  ],
  order: {
    id: "timestamp",
    import_error_id: "timestamp",
    timestamp: "timestamp",
    filename: "filename",
    bundle_name: "bundle_name",
    stacktrace: "stack_trace",
  },
  defaultOrder: ["id"],
};

const importErrors: readonly Route[] = [
  route({
    method: "GET",
    path: "/importErrors",
    subject: "view",
    query: listFields(errorSpec),
    handle: async ({ ports, query }) => {
      const all = (await listImportErrors(ports.database)).map((it) => importErrorShape(ports, it));
      const { shown, total } = shortPage(all, errorSpec, query);
      return ok({ import_errors: shown, total_entries: total });
    },
  }),
  route({
    method: "GET",
    path: "/importErrors/{import_error_id}",
    subject: "view",
    handle: async (call) => {
      const id = inPath(call, "import_error_id");
      const all = await listImportErrors(call.ports.database);
      const found = all.find((it) => String(numberFor(it.file)) === id);
      if (found === undefined)
        throw notFound(`The ImportError with import_error_id: \`${id}\` was not found`);
      return ok(importErrorShape(call.ports, found));
    },
  }),
];

/** A scheduler's process as `JobResponse`. */
function jobShape(it: SchedulerJob, isAlive: boolean): JsonObject {
  return {
    id: numberFor(it.id),
    dag_id: null,
    state: isAlive ? "running" : "failed",
    job_type: "SchedulerJob",
    start_date: moment(it.startedAt),
    end_date: null,
    latest_heartbeat: moment(it.seenAt),
    executor_class: null,
    hostname: it.host,
    unixname: null,
    dag_display_name: null,
  };
}

const jobSpec: ShortListSpec = {
  filters: [
    { kind: "range", name: "start_date", column: "start_date", of: "date" },
    { kind: "range", name: "end_date", column: "end_date", of: "date" },
    { kind: "equal", name: "job_state", column: "state", of: "text" },
    { kind: "equal", name: "job_type", column: "job_type", of: "text" },
    { kind: "equal", name: "hostname", column: "hostname", of: "text" },
    { kind: "equal", name: "executor_class", column: "executor_class", of: "text" },
  ],
  order: {
    id: "start_date",
    ...Object.fromEntries(
      [
        ...["dag_id", "state", "job_type", "start_date", "end_date"],
        ...["latest_heartbeat", "executor_class", "hostname", "unixname"],
      ].map((it) => [it, it]),
    ),
  },
  defaultOrder: ["id"],
};

const jobs: Route = route({
  method: "GET",
  path: "/jobs",
  subject: "view",
  query: { ...listFields(jobSpec), is_alive: boolean() },
  handle: async ({ ports, query }) => {
    const now = ports.clock.now();
    const all = (await listSchedulers(ports.database))
      .map((it) => ({ it, isAlive: now - it.seenAt < schedulerSilenceMs }))
      .filter(({ isAlive }) => query.is_alive === undefined || query.is_alive === isAlive)
      .map(({ it, isAlive }) => jobShape(it, isAlive));
    const { shown, total } = shortPage(all, jobSpec, query);
    return ok({ jobs: shown, total_entries: total });
  },
});

/** What happened, what is broken, and which processes there are. */
export const recordRoutes: readonly Route[] = [...eventLogs, ...importErrors, jobs];
