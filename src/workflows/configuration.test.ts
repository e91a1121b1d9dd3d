import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationOf, isConfigurationShown } from "./configuration.ts";

const given = {
  dagsFolder: "/dags",
  logsFolder: "/logs",
  database: "postgres://user:word@host/db",
  apiHost: "127.0.0.1",
  apiPort: 8080,
  environment: { AIRFLOW__OPENLINEAGE__TRANSPORT: '{"api_key": "k"}' },
};

test("what the database and lineage are reached with is not shown", () => {
  const shown = configurationOf(given);
  assert.equal(shown.get("database")?.get("sql_alchemy_conn"), "< hidden >");
  assert.equal(shown.get("openlineage")?.get("transport"), "< hidden >");
  assert.equal(shown.get("core")?.get("dags_folder"), "/dags");
  assert.equal(shown.get("api")?.get("port"), "8080");
});

const cases: [value: string | undefined, want: boolean][] = [
  [undefined, false],
  ["False", false],
  ["True", true],
  ["non-sensitive-only", true],
];

for (const [value, want] of cases) {
  test(`[api] expose_config ${String(value)} -> ${String(want)}`, () => {
    assert.equal(isConfigurationShown({ AIRFLOW__API__EXPOSE_CONFIG: value }), want);
  });
}
