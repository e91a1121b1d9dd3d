import assert from "node:assert/strict";
import { test } from "node:test";
import { requestHeaders } from "./request-headers.ts";

test("repeated impersonation headers are lists, and others stay as they are", () => {
  const joined = { accept: "a, b", "impersonate-group": "x, y, z" };
  const raw = ["Accept", "a", "accept", "b", "Impersonate-Group", "x, y", "impersonate-group", "z"];
  assert.deepEqual(requestHeaders(joined, raw), {
    accept: "a, b",
    "impersonate-group": ["x, y", "z"],
  });
  assert.equal(requestHeaders(joined, ["accept", "impersonate-user"]), joined);
});
