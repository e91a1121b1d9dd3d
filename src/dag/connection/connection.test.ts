import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#api/object.ts";
import { readCases } from "#testing/case-table.ts";
import { formatConnection, parseConnection, type Connection } from "./connection.ts";
import { environmentConnection, environmentVariable } from "./environment.ts";

interface Case {
  readonly text: string;
  /** What is not empty; `extra` decoded where it is JSON. */
  readonly want?: JsonObject;
  readonly fails?: true;
}

const cases = readCases(
  new URL("./cases/connections.json", import.meta.url),
  50,
) as readonly Case[];

function decoded(extra: string): unknown {
  try {
    return JSON.parse(extra);
  } catch {
    return extra;
  }
}

function view({ type, host, login, password, schema, port, extra }: Connection): JsonObject {
  const fields = { type, host, login, password, schema, port };
  const known = Object.entries(fields).filter(([, it]) => it !== undefined && it !== "");
  const more = extra === undefined || extra === "" ? {} : { extra: decoded(extra) };
  return { ...Object.fromEntries(known), ...more } as JsonObject;
}

test("parseConnection: URIs and JSON are read as Airflow reads them", () => {
  for (const { text, want } of cases) {
    if (want === undefined) assert.throws(() => parseConnection("c", text), /connection c/, text);
    else assert.deepEqual(view(parseConnection("c", text)), want, text);
  }
});

test("formatConnection: what is written is read back the same", () => {
  for (const { text, want } of cases) {
    if (want === undefined) continue;
    const connection = parseConnection("c", text);
    const again = parseConnection("c", formatConnection(connection));
    assert.deepEqual(view(again), view(connection), formatConnection(connection));
  }
});

test("parseConnection: an error does not quote the password", () => {
  for (const text of ["x://u:secret@h:abc", "x://u:secret@https://h", '{"conn_type": "secret']) {
    assert.throws(
      () => parseConnection("c", text),
      (error: Error) => !error.message.includes("secret"),
    );
  }
});

test("the environment: names in capitals", () => {
  const environment = {
    AIRFLOW_CONN_MY_DB: "postgres://u:p@h:5432/s",
    AIRFLOW_VAR_BUCKET: "b",
    AIRFLOW_CONN_EMPTY: "",
  };
  assert.equal(environmentConnection(environment, "my_db")?.host, "h");
  assert.equal(environmentConnection(environment, "other"), undefined);
  assert.equal(environmentConnection(environment, "empty"), undefined);
  assert.equal(environmentVariable(environment, "bucket"), "b");
  assert.equal(environmentVariable(environment, "nope"), undefined);
});
