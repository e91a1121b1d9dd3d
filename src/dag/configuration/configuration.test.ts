import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCondition } from "#dag/assets/asset.ts";
import type { Dag } from "#dag/authoring/dag.ts";
import { summarizeSchedule } from "#dag/timetable/timetable.ts";
import { buildDag, readConfiguration } from "./file.ts";
import { ConfigurationError } from "./error.ts";

const now = Date.parse("2026-05-10T13:00:00Z");

function read(text: string, beside: Readonly<Record<string, string>> = {}): readonly Dag[] {
  const files = {
    read: (path: string) => beside[path],
    list: (pattern: string) => {
      const [folder = "", ending = ""] = pattern.split("*");
      return Object.keys(beside).filter((it) => it.startsWith(folder) && it.endsWith(ending));
    },
  };
  const find = (file: string, name: string) => () => `${file}#${name}`;
  return readConfiguration(text, "etl/x.dag.yaml", files).map((it) => buildDag(it, find, now));
}

/** `load <- extract, check` for each task, in order. */
function edges(dag: Dag | undefined): string[] {
  return (dag?.model.tasks ?? []).map((it) =>
    it.upstream.length === 0 ? it.id : `${it.id} <- ${it.upstream.join(", ")}`,
  );
}

const factory = `
default:
  default_args:
    owner: data
    start_date: 2026-03-01
    retries: 1
    retry_delay_sec: 300
  schedule: "@daily"
  max_active_runs: 1
orders:
  description: "Orders"
  default_args: {retries: 2}
  timezone: Europe/Berlin
  dagrun_timeout: {__type__: datetime.timedelta, hours: 1}
  tags: [a]
  params:
    region: eu
    limit: {default: 5, type: integer, minimum: 1}
  task_groups:
    checks: {tooltip: all of them, dependencies: [extract]}
    inner: {parent_group_name: checks}
  tasks:
    extract:
      operator: airflow.operators.bash.BashOperator
      bash_command: "echo {{ ds }}"
      execution_timeout: {__type__: datetime.timedelta, minutes: 5}
    one:
      operator: airflow.providers.standard.operators.empty.EmptyOperator
      task_group_name: checks
    two:
      operator: empty
      task_group_name: inner
      dependencies: [one]
    load:
      operator: airflow.providers.common.sql.operators.sql.SQLExecuteQueryOperator
      conn_id: shop
      sql: "select 1"
      dependencies: [checks]
      trigger_rule: none_failed_or_skipped
      retries: 0
    show:
      operator: bash
      partial: {env: {A: b}}
      expand: {command: load.output}
`;

test("configuration: a file as dag-factory reads it", () => {
  const [dag, ...others] = read(factory);
  assert.equal(others.length, 0);
  assert.deepEqual(edges(dag), [
    "extract",
    "checks.one <- extract",
    "checks.inner.two <- checks.one",
    "load <- checks.inner.two",
    "show <- load",
  ]);
  const model = dag?.model;
  assert.equal(model?.id, "orders");
  assert.equal(model.startDate, Date.parse("2026-02-28T23:00:00Z"));
  assert.equal(model.maxActiveRuns, 1);
  assert.equal(model.runTimeoutMs, 3_600_000);
  assert.deepEqual(model.params["limit"], {
    default: 5,
    schema: { type: "integer", minimum: 1 },
  });
  assert.deepEqual(model.params["region"], { default: "eu", schema: {} });
  const task = new Map(model.tasks.map((it) => [it.id, it]));
  assert.equal(task.get("extract")?.executionTimeoutMs, 300_000);
  assert.equal(task.get("extract")?.retries, 2);
  assert.equal(task.get("extract")?.owner, "data");
  assert.deepEqual(task.get("extract")?.arguments, { command: "echo {{ ds }}" });
  assert.equal(task.get("load")?.retries, 0);
  assert.equal(task.get("load")?.triggerRule, "none_failed_min_one_success");
  assert.deepEqual(task.get("show")?.arguments, { env: { A: "b" } });
  assert.deepEqual(task.get("show")?.expand, {
    kind: "product",
    over: { command: { $output: { task: "load", key: "return_value", path: [] } } },
  });
});

test("configuration: one DAG for each file that is named", () => {
  const dags = read(
    `for_each: tables/*.yaml
dags:
  load_[[ name ]]:
    schedule: "[[ schedule ]]"
    tasks:
      load:
        operator: bash
        command: "load [[ file_name ]] [[ columns.0 ]]"
      each:
        operator: bash
        expand: {command: "[[ columns ]]"}
`,
    {
      "tables/a.yaml": "name: orders\nschedule: '@daily'\ncolumns: [id, amount]\n",
      "tables/b.yaml": "name: people\nschedule: null\ncolumns: [id]\n",
    },
  );
  assert.deepEqual(
    dags.map((it) => [it.model.id, it.model.schedule.kind]),
    [
      ["load_orders", "cron"],
      ["load_people", "none"],
    ],
  );
  const [load, each] = dags[0]?.model.tasks ?? [];
  assert.deepEqual(load?.arguments, { command: "load a id" });
  assert.deepEqual(each?.expand?.over, { command: ["id", "amount"] });
});

test("configuration: settings of the folders above hold below", () => {
  const dag = read("a:\n  tasks: {t: {operator: empty}}\n", {
    "defaults.yml": "schedule: '@hourly'\ndefault_args: {owner: all, retries: 3}\n",
    "etl/defaults.yml": "default_args: {owner: etl}\n",
  })[0];
  assert.equal(dag?.model.tasks[0]?.owner, "etl");
  assert.equal(dag.model.tasks[0].retries, 3);
  assert.equal(dag.model.schedule.kind, "cron");
});

test("configuration: a pod, with objects as Python's models write them", () => {
  const [dag] = read(`a:
  tasks:
    t:
      operator: airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator
      image: shop-extract
      do_xcom_push: true
      env_vars: {DAY: "{{ ds }}"}
      volume_mounts:
        - {__type__: kubernetes.client.models.V1VolumeMount, name: data, mount_path: /data}
`);
  assert.deepEqual(dag?.model.tasks[0]?.arguments, {
    image: "shop-extract",
    envVars: { DAY: "{{ ds }}" },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    doXcomPush: true,
  });
});

const schedules: readonly (readonly [given: string, want: unknown])[] = [
  ["'@once'", { kind: "once" }],
  ["null", { kind: "none" }],
  ["{every: 90m}", { kind: "delta", everyMs: 5_400_000 }],
  ["{__type__: datetime.timedelta, days: 2}", { kind: "delta", everyMs: 172_800_000 }],
  [
    "{__type__: airflow.timetables.interval.DeltaDataIntervalTimetable, delta: {hours: 3}}",
    { kind: "delta", everyMs: 10_800_000 },
  ],
  [
    "{__type__: airflow.timetables.trigger.CronTriggerTimetable, cron: '0 5 * * *', timezone: Asia/Tokyo}",
    {
      kind: "cron",
      expressions: ["0 5 * * *"],
      timeZone: "Asia/Tokyo",
      mode: "trigger",
      intervalMs: 0,
    },
  ],
  [
    "['0 5 * * *', '0 17 * * *']",
    {
      kind: "cron",
      expressions: ["0 5 * * *", "0 17 * * *"],
      timeZone: "UTC",
      mode: "trigger",
      intervalMs: 0,
    },
  ],
];

for (const [given, want] of schedules) {
  test(`configuration: schedule ${given}`, () => {
    const [dag] = read(`a:\n  schedule: ${given}\n  tasks: {t: {operator: empty}}\n`);
    assert.deepEqual(dag?.model.schedule, want);
  });
}

const dates: readonly (readonly [given: string, want: string])[] = [
  ["2026-03-01", "2026-03-01T00:00:00.000Z"],
  ["2 days", "2026-05-08T00:00:00.000Z"],
  [
    "{__type__: datetime.datetime, year: 2026, month: 2, day: 3, hour: 4}",
    "2026-02-03T04:00:00.000Z",
  ],
];

for (const [given, want] of dates) {
  test(`configuration: start_date ${given}`, () => {
    const [dag] = read(`a:\n  start_date: ${given}\n  tasks: {t: {operator: empty}}\n`);
    assert.equal(new Date(dag?.model.startDate ?? 0).toISOString(), want);
  });
}

const errors: readonly (readonly [what: string, given: string, want: string])[] = [
  ["bad YAML", "a: [1\nb: 2\n", "2:1: deficient indentation"],
  ["no mapping", "- a\n", "1:1: the file must be a mapping, found a list"],
  ["a key twice", "a: {}\na: {}\n", '2:1: key "a" already set in map'],
  [
    "unknown operator",
    "a:\n  tasks:\n    t: {operator: bosh}\n",
    "3:19: unknown operator 'bosh'; there are: ",
  ],
  [
    "Python",
    "a:\n  tasks:\n    t:\n      operator: airflow.operators.python.PythonOperator\n",
    "4:17: PythonOperator runs Python in the worker",
  ],
  ["no operator", "a:\n  tasks:\n    t: {}\n", "3:5: task t has no operator"],
  [
    "a setting with a slip",
    "a:\n  tasks:\n    t:\n      operator: empty\n      retry: 1\n",
    "5:7: task t has no setting 'retry'",
  ],
  [
    "a near miss",
    "a:\n  tasks:\n    t: {operator: empty, trigger_rul: all_done}\n",
    "3:26: task t has no setting 'trigger_rul'; did you mean trigger_rule",
  ],
  [
    "bad trigger rule",
    "a:\n  tasks:\n    t: {operator: empty, trigger_rule: sometimes}\n",
    "3:40: expected one of all_success, ",
  ],
  ["bad cron", "a:\n  schedule: 61 * * * *\n", "2:13: bad cron expression"],
  ["bad zone", "a:\n  timezone: Mars/North\n", "2:13: unknown time zone 'Mars/North'"],
  ["bad date", "a:\n  start_date: soon\n", "2:15: "],
  ["bad duration", "a:\n  dagrun_timeout: long\n", "2:19: bad duration 'long'"],
  ["bad number", "a:\n  max_active_runs: many\n", "2:20: expected a whole number"],
  ["unknown DAG setting", "a:\n  schedul: '@daily'\n", "2:3: DAG a has no setting 'schedul'; did"],
  [
    "unknown upstream",
    "a:\n  tasks:\n    t: {operator: empty, dependencies: [u]}\n",
    "3:41: there is no task or group 'u'",
  ],
  [
    "a cycle",
    "a:\n  tasks:\n    t: {operator: empty, dependencies: [u]}\n    u: {operator: empty, dependencies: [t]}\n",
    "1:1: DAG a: its tasks wait for each other: ",
  ],
  ["a bad id", "a b: {}\n", "1:1: the dag id 'a b' must be made of"],
  [
    "an argument that is missing",
    "a:\n  tasks:\n    t: {operator: bash}\n",
    "3:5: task t has no 'command'",
  ],
  [
    "two DAGs of a template",
    "for_each: [{size: 1}, {size: 2}]\ndags:\n  same: {}\n",
    "3:3: two DAGs have the id 'same'",
  ],
  [
    "a placeholder without value",
    "for_each: [{size: 1}]\ndags:\n  'x[[ m ]]': {}\n",
    "3:4: [[ m ]] has no value; there are: size",
  ],
  ["no files", "for_each: none/*.yaml\ndags: {}\n", "1:11: no file is named by 'none/*.yaml'"],
];

for (const [what, given, want] of errors) {
  test(`configuration: ${what} is said at its place`, () => {
    assert.throws(
      () => read(given),
      (error) => {
        assert.ok(error instanceof ConfigurationError, String(error));
        assert.ok(
          error.message.startsWith(`etl/x.dag.yaml:${want}`),
          `${error.message} does not begin with ${want}`,
        );
        return true;
      },
    );
  });
}

test("readConfiguration: what waits for assets, makes them, and is told of", () => {
  const [waits, made] = read(`
waits:
  schedule: {datasets: "((raw & s3://bucket/x) | late)", time: "@daily"}
  deadline: {name: soon, reference: queued_at, interval: 1h, callback: {callable_file: a.ts, callable_name: late}}
  on_failure_callback: {callable_file: a.ts, callable_name: tell}
  default_args: {on_retry_callback_file: a.ts, on_retry_callback_name: again}
  tasks:
    one: {operator: empty, inlets: [raw], outlets: [out, {alias: more}]}
made:
  schedule: [{__type__: airflow.sdk.Asset, uri: "s3://a", name: a}, "s3://b"]
  tasks:
    list: {operator: bash, command: "echo '[1, 2]'"}
    show: {operator: bash, command: element.word, task_group_name: each}
    more: {operator: bash, command: "true", task_group_name: each, dependencies: [show]}
  task_groups:
    each: {expand: {word: list.output}}
`);
  assert.equal(summarizeSchedule(waits?.model.schedule ?? { kind: "none" }), "Asset or 0 0 * * *");
  assert.ok(waits?.model.schedule.kind === "assets_or_time");
  assert.equal(describeCondition(waits.model.schedule.when), "(raw & s3://bucket/x) | late");
  assert.deepEqual(waits.model.deadlines, [
    { name: "soon", reference: { kind: "queued_at" }, intervalMs: 3_600_000 },
  ]);
  assert.deepEqual(waits.model.callbacks, ["onFailure"]);
  const [one] = waits.model.tasks;
  assert.deepEqual(one?.callbacks, ["onRetry"]);
  assert.deepEqual(
    one.outlets?.map((it) => it.name),
    ["out"],
  );
  assert.deepEqual(one.outletAliases, ["more"]);
  assert.equal(summarizeSchedule(made?.model.schedule ?? { kind: "none" }), "a & s3://b");
  assert.deepEqual(edges(made), ["list", "each.show <- list", "each.more <- each.show"]);
  assert.ok(made?.model.tasks.slice(1).every((it) => it.mappedGroup === "each") === true);
});

test("readConfiguration: what is wrong with assets, callbacks and groups is said at its place", () => {
  const task = "tasks: {t: {operator: empty}}";
  const table: readonly (readonly [string, RegExp])[] = [
    [`d:\n  schedule: {datasets: "(a & b"}\n  ${task}`, /:2:\d+: bad condition .* near its end/],
    [`d:\n  schedule: {datasets: "a &"}\n  ${task}`, /:2:\d+: bad condition .* near its end/],
    [`d:\n  schedule: {assets: {or: x}}\n  ${task}`, /:2:\d+: expected a list/],
    [`d:\n  schedule: {assets: [{nme: a}]}\n  ${task}`, /:2:\d+: .*did you mean name\?/],
    [`d:\n  on_failure_callback: my.module.tell\n  ${task}`, /:2:\d+: a callback is a function/],
    [`d:\n  on_failure_callback_file: a.ts\n  ${task}`, /:2:\d+: .* needs both/],
    [
      `d:\n  deadline: {reference: queued_at, interval: 1h}\n  ${task}`,
      /:2:\d+: .* needs 'callback'/,
    ],
    [`d:\n  deadline: {reference: soon, interval: 1h}\n  ${task}`, /:2:\d+: /],
    [
      `d:\n  tasks:\n    t: {operator: bash, command: element.x}`,
      /element 'x', but it is in no mapped/,
    ],
  ];
  for (const [text, want] of table) assert.throws(() => read(text), want, text);
});
