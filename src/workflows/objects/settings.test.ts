import assert from "node:assert/strict";
import { test } from "node:test";
import { objectSettings } from "./settings.ts";

const prefix = "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_";

test("objectSettings: Airflow's variables", () => {
  const cases: readonly (readonly [Record<string, string>, unknown])[] = [
    [{}, undefined],
    [{ PATH: "file:///x/" }, { path: "file:///x", threshold: 100, compression: undefined }],
    [
      { PATH: "s3://b", THRESHOLD: "-1" },
      { path: "s3://b", threshold: 100, compression: undefined },
    ],
    [
      { PATH: "s3://c@b/p", THRESHOLD: "5", COMPRESSION: "gzip" },
      { path: "s3://c@b/p", threshold: 5, compression: "gzip" },
    ],
    [
      { PATH: "s3://b", THRESHOLD: "500" },
      { path: "s3://b", threshold: 100, compression: undefined },
    ],
  ];
  for (const [given, want] of cases) {
    const named = Object.entries(given).map(([name, it]) => [`${prefix}${name}`, it] as const);
    assert.deepEqual(objectSettings(Object.fromEntries(named), 100), want, JSON.stringify(given));
  }
  const wrong = { PATH: "/x", THRESHOLD: "much", COMPRESSION: "lz4" };
  for (const [name, it] of Object.entries(wrong)) {
    const given = { [`${prefix}PATH`]: "s3://b", [`${prefix}${name}`]: it };
    assert.throws(() => objectSettings(given, 1), new RegExp(name));
  }
});
