import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "#api/object.ts";
import { readCases } from "#testing/case-table.ts";
import { templateNames, type Lookup } from "./context.ts";
import { render, renderDeep } from "./render.ts";
import { TemplateError } from "./ast.ts";

interface Case {
  readonly template: string;
  /** What it becomes. */
  readonly want?: string;
  readonly fails?: true;
}

const cases = readCases(new URL("./cases/templates.json", import.meta.url), 120) as readonly Case[];

const run = {
  dagId: "d",
  taskId: "t",
  runId: "manual__x",
  runType: "manual",
  mapIndex: -1,
  tryNumber: 1,
  logicalDate: Date.parse("2026-03-28T23:30:15Z"),
  intervalStart: Date.parse("2026-03-28T23:30:15Z"),
  intervalEnd: Date.parse("2026-03-29T23:30:15Z"),
  startedAt: Date.parse("2026-03-30T00:00:00Z"),
  now: Date.parse("2026-04-01T00:00:00Z"),
  params: {
    region: "eu",
    limit: 5,
    tags: ["a", "b"],
    nested: { k: 1 },
    flag: true,
    nothing: null,
    text: "It's",
  },
  conf: { force: true },
};

function lookUp(lookup: Lookup): Json {
  if (lookup.kind === "variable") {
    return (
      ({ bucket: "s3://b", config: '{"a": [1]}' } as Record<string, string>)[lookup.key] ?? null
    );
  }
  if (lookup.kind === "connection") {
    if (lookup.id !== "db") return null;
    return {
      id: "db",
      type: "postgres",
      host: "h",
      port: 5432,
      login: "u",
      extra: '{"ssl": true}',
    };
  }
  const value: Json = { task: lookup.taskId, key: lookup.name };
  return lookup.taskId === "none" ? null : value;
}

const names = templateNames(run, lookUp);

function rendered(template: string): Pick<Case, "want" | "fails"> {
  try {
    return { want: render(template, names) };
  } catch (error) {
    assert.ok(error instanceof TemplateError, String(error));
    return { fails: true };
  }
}

test("render: templates become what Airflow's Jinja makes of them", () => {
  const wrong = cases.flatMap(({ template, ...want }) => {
    const got = rendered(template);
    return JSON.stringify(got) === JSON.stringify(want) ? [] : [{ template, want, got }];
  });
  assert.deepEqual(wrong, []);
});

test("render: variables, connections and outputs are looked up", () => {
  const table: readonly (readonly [string, string])[] = [
    ["{{ var.value.bucket }}/x", "s3://b/x"],
    ["{{ var.json.config.a[0] }}", "1"],
    ["{{ var.value.get('nope', 'fallback') }}", "fallback"],
    ["{{ conn.db.host }}:{{ conn.db.port }} {{ conn.db.extra_dejson.ssl }}", "h:5432 True"],
    ["{{ conn.db.get_uri() }}", "postgres://u@h:5432/?__extra__=%7B%22ssl%22%3A%20true%7D"],
    ["{{ ti.xcom_pull(task_ids='a').key }}", "return_value"],
    ["{{ ti.xcom_pull(task_ids='a', key='k')['key'] }}", "k"],
    ["{{ ti.xcom_pull(task_ids=['a', 'b'])[1].task }}", "b"],
    ["{{ ti.xcom_pull('none') }}", "None"],
    [
      "{{ dag_run.conf.force }} {{ dag.dag_id }} {{ task.task_id }} {{ run_id }}",
      "True d t manual__x",
    ],
    ["{{ tomorrow_ds }} {{ yesterday_ds }} {{ next_ds }}", "2026-03-29 2026-03-27 2026-03-29"],
    ["no template", "no template"],
  ];
  for (const [template, want] of table) assert.equal(render(template, names), want);
});

test("render: what is missing is named", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["{{ nope }}", /'nope' is undefined/],
    ["{{ params.missing }}", /there is no 'missing' in \{'region'/],
    ["{{ var.value.nope }}", /there is no 'nope'/],
    ["{{ conn.nope.host }}", /there is no 'nope'/],
    ["{{ ds | nope }}", /no filter 'nope'/],
    ["{{ ds", /has no '\}\}'/],
    ["{% for x in params.tags %}", /'\{% endfor %\}' is missing/],
    ["{{ params.region() }}", /'eu' cannot be called/],
    ["{{ 'a' * 10000000 }}", /too long/],
    [
      "{% for a in range(1000) %}{% for b in range(2000) %}x{% endfor %}{% endfor %}",
      /longer than|does not come to an end/,
    ],
  ];
  for (const [template, want] of table) {
    assert.throws(() => render(template, names), want, template);
  }
});

test("render: what JavaScript has is out of reach", () => {
  for (const name of ["constructor", "__proto__", "toString", "prototype"]) {
    for (const holder of ["ds", "params", "params.tags", "logical_date", "macros.ds_add", "ti"]) {
      assert.throws(
        () => render(`{{ ${holder}.${name} }}`, names),
        TemplateError,
        `${holder}.${name}`,
      );
    }
  }
});

test("renderDeep: every text inside, and the argument is named when one fails", () => {
  assert.deepEqual(renderDeep({ a: ["{{ ds }}", 1], b: { c: "{{ run_id }}" } }, names), {
    a: ["2026-03-28", 1],
    b: { c: "manual__x" },
  });
  assert.throws(() => renderDeep({ a: ["x", "{{ nope }}"] }, names), /argument a\[1\]: 'nope'/);
});
