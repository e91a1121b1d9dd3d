import type { Dialect } from "#sql/database.ts";
import type { Migration } from "#sql/migrate.ts";

/**
 * The schema's history; released migrations never change. Booleans are 0 and 1, times milliseconds
 * since the epoch, `model`, `conf`, `value` and the like JSON.
 */
export const migrations: readonly Migration[] = [
  {
    name: "0001-workflows",
    statements: (dialect) => [
      `create table dag (
        dag_id text primary key, file text not null, version bigint not null, hash text not null,
        paused integer not null, active integer not null, description text, tags text not null,
        owners text not null, schedule text not null, max_active_runs bigint not null,
        next_start bigint, next_end bigint, next_at bigint,
        last_start bigint, last_end bigint, parsed_at bigint not null)`,
      "create index dag_next on dag (next_at)",
      `create table dag_version (
        dag_id text not null, number bigint not null, hash text not null, model text not null,
        file text not null, bundle text not null, created_at bigint not null,
        primary key (dag_id, number))`,
      "create table bundle (hash text primary key, files text not null)",
      `create table import_error (
        file text primary key, message text not null, line bigint, at bigint not null)`,
      `create table dag_run (
        dag_id text not null, run_id text not null, version bigint not null, state text not null,
        run_type text not null, logical_date bigint not null, interval_start bigint not null,
        interval_end bigint not null, run_after bigint not null, queued_at bigint not null,
        started_at bigint, ended_at bigint, conf text not null, backfill bigint, note text,
        plan_at bigint, revision bigint not null, primary key (dag_id, run_id))`,
      "create index dag_run_state on dag_run (state, plan_at)",
      "create index dag_run_date on dag_run (dag_id, logical_date)",
      `create table task_instance (
        dag_id text not null, run_id text not null, task_id text not null, map_index bigint not null,
        state text, try_number bigint not null, max_tries bigint not null, operator text not null,
        pool text not null, pool_slots bigint not null, weight bigint not null, sort_at bigint not null,
        queue text not null, executor text, scheduled_at bigint, queued_at bigint, started_at bigint,
        first_started_at bigint, ended_at bigint, next_at bigint, owner text, attempt text, host text,
        pid bigint, skips text, reason text, primary key (dag_id, run_id, task_id, map_index))`,
      `create index task_instance_state on task_instance (state, weight desc, sort_at)`,
      `create table output (
        dag_id text not null, run_id text not null, task_id text not null, map_index bigint not null,
        name text not null, value text not null, length bigint, at bigint not null,
        primary key (dag_id, run_id, task_id, map_index, name))`,
      "create table variable (name text primary key, value text not null, description text)",
      `create table connection (
        conn_id text primary key, type text not null, value text not null, description text)`,
      "create table pool (name text primary key, slots bigint not null, description text)",
      "insert into pool (name, slots, description) values ('default_pool', 128, 'Default pool')",
      `create table event (
        id ${dialect === "sqlite" ? "integer primary key" : "bigserial primary key"},
        at bigint not null, dag_id text, run_id text, task_id text, map_index bigint,
        try_number bigint, name text not null, owner text, extra text)`,
      "create index event_run on event (dag_id, run_id)",
      `create table job (
        id text primary key, kind text not null, host text not null, pid bigint not null,
        started_at bigint not null, seen_at bigint not null)`,
    ],
  },
  {
    name: "0002-rest",
    statements: () => [
      `create table account (
        name text primary key, role text not null, password_hash text not null,
        changed_at bigint not null)`,
      "alter table dag_run add column triggered_by text",
      "alter table dag_run add column triggering_user text",
      "alter table task_instance add column note text",
      "create index event_at on event (at)",
    ],
  },
  {
    name: "0003-backfill",
    statements: (dialect) => [
      `create table backfill (
        id ${dialect === "sqlite" ? "integer primary key" : "bigserial primary key"},
        dag_id text not null, from_date bigint not null, to_date bigint not null,
        backwards integer not null, reprocess text not null, conf text not null,
        max_active_runs bigint not null, paused integer not null, created_at bigint not null,
        cancelled_at bigint)`,
      "create index dag_run_backfill on dag_run (backfill)",
    ],
  },
  {
    name: "0004-assets",
    statements: (dialect) => [
      `create table asset (
        name text primary key, uri text not null, asset_group text not null, extra text not null)`,
      `create table asset_consumer (
        asset text not null, dag_id text not null, primary key (asset, dag_id))`,
      `create table asset_producer (
        asset text not null, dag_id text not null, task_id text not null,
        primary key (asset, dag_id, task_id))`,
      `create table asset_event (
        id ${dialect === "sqlite" ? "integer primary key" : "bigserial primary key"},
        asset text not null, at bigint not null, extra text not null, dag_id text, run_id text,
        task_id text, map_index bigint)`,
      "create index asset_event_asset on asset_event (asset, at)",
      `create table asset_queue (
        dag_id text not null, asset text not null, at bigint not null, looked_at bigint not null,
        primary key (dag_id, asset))`,
      `create table run_asset_event (
        dag_id text not null, run_id text not null, event_id bigint not null,
        primary key (dag_id, run_id, event_id))`,
    ],
  },
  {
    name: "0005-worker-queue",
    statements: () => [
      `create table worker_queue (
        attempt text primary key, queue text not null, weight bigint not null, at bigint not null,
        message text not null)`,
      "create index worker_queue_order on worker_queue (queue, weight desc, at)",
    ],
  },
  {
    name: "0006-callbacks",
    statements: (dialect) => [
      `create table callback (
        id ${dialect === "sqlite" ? "integer primary key" : "bigserial primary key"},
        dag_id text not null, run_id text not null, name text not null, task_id text,
        map_index bigint not null, try_number bigint not null, error text, owner text)`,
    ],
  },
  {
    name: "0007-approvals",
    statements: () => [
      `create table approval (
        dag_id text not null, run_id text not null, task_id text not null,
        map_index bigint not null, try_number bigint not null, subject text not null, body text,
        options text not null, multiple integer not null, asked_at bigint not null, chosen text,
        answered_by text, answered_at bigint, primary key (dag_id, run_id, task_id, map_index))`,
    ],
  },
  {
    name: "0008-interfaces",
    statements: () => [
      `create table favorite (
        account text not null, dag_id text not null, primary key (account, dag_id))`,
      `create table asset_reader (
        asset text not null, dag_id text not null, task_id text not null,
        primary key (asset, dag_id, task_id))`,
      "alter table asset add column created_at bigint not null default 0",
      "alter table asset add column updated_at bigint not null default 0",
      "alter table dag add column timetable text not null default ''",
      "create table parse_request (file text primary key)",
    ],
  },
  {
    name: "0008-standing",
    statements: () => [
      "alter table job add column free text",
      "create table waiting_try (attempt text primary key, reason text not null)",
    ],
  },
  {
    name: "0008-fresh-tries",
    statements: () => ["alter table task_instance add column fresh_from bigint"],
  },
  {
    name: "0009-deadlines",
    statements: (dialect) => [
      `create table deadline (
        id ${dialect === "sqlite" ? "integer primary key" : "bigserial primary key"},
        dag_id text not null, run_id text not null, position bigint not null, name text,
        due_at bigint not null, created_at bigint not null, missed_at bigint)`,
      "create index deadline_due on deadline (missed_at, due_at)",
      "create index deadline_run on deadline (dag_id, run_id)",
      "alter table callback add column deadline_position bigint",
      "alter table callback add column deadline_at bigint",
    ],
  },
  {
    name: "0010-scheduler-addresses",
    statements: () => [
      "alter table job add column worker_url text",
      "alter table job add column worker_authority text",
    ],
  },
  {
    name: "0011-asset-aliases",
    statements: () => [
      `create table asset_alias_link (
        alias text not null, asset text not null, primary key (alias, asset))`,
      `create table asset_alias_consumer (
        alias text not null, dag_id text not null, primary key (alias, dag_id))`,
    ],
  },
  {
    name: "0012-timetables",
    statements: () => [
      `create table timetable_question (
        dag_id text primary key, asked_at bigint not null, taken_at bigint)`,
    ],
  },
  {
    name: "0013-output-objects",
    statements: (dialect) => [
      "alter table output add column object_path text",
      "create table lost_object (path text primary key)",
      ...loseObjects(dialect),
    ],
  },
  {
    name: "0014-scheduled-order",
    statements: () => [
      "drop index task_instance_state",
      `create index task_instance_state
         on task_instance (state, weight desc, sort_at, task_id, map_index)`,
      // Larger than that of the key: PostgreSQL takes the smallest while it knows little of the rows.
      "drop index dag_run_date",
      "create index dag_run_date on dag_run (dag_id, logical_date, run_id)",
    ],
  },
  {
    name: "0015-made-tasks",
    statements: () => ["alter table dag_run add column made_tasks bigint"],
  },
];

/** Notes the object of an output that is deleted, or gets another value. */
function loseObjects(dialect: Dialect): readonly string[] {
  const note = "insert into lost_object (path) values (old.object_path) on conflict do nothing";
  const [deleted, replaced] = [
    "old.object_path is not null",
    "old.object_path is not null and coalesce(new.object_path, '') <> old.object_path",
  ];
  const events = [
    ["output_deleted", "delete", deleted],
    ["output_replaced", "update", replaced],
  ] as const;
  if (dialect === "sqlite") {
    return events.map(
      ([name, event, when]) =>
        `create trigger ${name} after ${event} on output when ${when} begin ${note}; end`,
    );
  }
  return [
    `create function lose_object() returns trigger language plpgsql as
       $$ begin ${note}; return null; end $$`,
    ...events.map(
      ([name, event, when]) =>
        `create trigger ${name} after ${event} on output for each row when (${when})
         execute function lose_object()`,
    ),
  ];
}
