import assert from "node:assert/strict";
import { test } from "node:test";
import { s3Access, s3Address, s3Place } from "./s3-place.ts";

test("s3Place: paths with and without a connection", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["s3://b-1/x/y", { connectionId: "aws_default", isNamed: false, bucket: "b-1", key: "x/y" }],
    ["s3://mine@b-1/x", { connectionId: "mine", isNamed: true, bucket: "b-1", key: "x" }],
    ["s3://b-1", { connectionId: "aws_default", isNamed: false, bucket: "b-1", key: "" }],
  ];
  for (const [path, want] of cases) assert.deepEqual(s3Place(path), want, path);
  for (const it of ["s3://", "s3://B/x", "file:///x"]) assert.throws(() => s3Place(it), /expected/);
});

test("s3Access and s3Address: keys, regions, endpoints, where the bucket is named", () => {
  const keys = { id: "c", type: "aws", login: "k", password: "s" };
  const place = { connectionId: "c", isNamed: true, bucket: "b", key: "a b/%41" };
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{}, "https://b.s3.us-east-1.amazonaws.com/a%20b/%2541"],
    [{ region_name: "eu-west-1" }, "https://b.s3.eu-west-1.amazonaws.com/a%20b/%2541"],
    [{ endpoint_url: "http://h:9000/" }, "http://h:9000/b/a%20b/%2541"],
    [{ service_config: { s3: { endpoint_url: "http://h" } } }, "http://h/b/a%20b/%2541"],
    [
      { endpoint_url: "http://h", config_kwargs: { s3: { addressing_style: "virtual" } } },
      "http://b.h/a%20b/%2541",
    ],
  ];
  for (const [extra, want] of cases) {
    const access = s3Access({ ...keys, extra: JSON.stringify(extra) }, {});
    assert.equal(s3Address(access, place), want);
  }
  const environment = {
    AWS_ACCESS_KEY_ID: "e",
    AWS_SECRET_ACCESS_KEY: "f",
    AWS_SESSION_TOKEN: "t",
  };
  const { accessKeyId, sessionToken } = s3Access(undefined, environment);
  assert.deepEqual([accessKeyId, sessionToken], ["e", "t"]);
  const own = { aws_access_key_id: "x", aws_secret_access_key: "y" };
  const access = s3Access({ id: "c", type: "aws", extra: JSON.stringify(own) }, environment);
  assert.deepEqual([access.accessKeyId, access.sessionToken], ["x", undefined]);
  assert.throws(() => s3Access(undefined, {}), /S3 needs keys/);
});
