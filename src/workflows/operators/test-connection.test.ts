import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConnection } from "#dag/connection/connection.ts";
import { testConnection } from "./test-connection.ts";

function answering(status: number, statusText: string) {
  return async (address: string, init: RequestInit): Promise<Response> => {
    assert.equal(address, "http://h:81/");
    assert.deepEqual(init.headers, { authorization: `Basic ${btoa("u:p")}` });
    return new Response("", { status, statusText });
  };
}

test("testConnection: whether it works, and why not", async () => {
  const fetch = answering(200, "OK");
  const table: readonly (readonly [string, typeof fetch, boolean, RegExp])[] = [
    ["sqlite://?__extra__=%7B%7D", fetch, true, /^Connection successfully tested$/],
    ["sqlite:////nowhere/at/all.sqlite", fetch, false, /unable to open database file/],
    ["http://u:p@h:81", fetch, true, /^Connection successfully tested$/],
    ["http://u:p@h:81", answering(404, "Not Found"), false, /^404:Not Found$/],
    ["postgres://u:p@127.0.0.1:1/db", fetch, false, /ECONNREFUSED/],
    ["smtp://127.0.0.1:1/", fetch, false, /ECONNREFUSED/],
    ["ftp://h/", fetch, false, /of type 'ftp' cannot be tested; those of sqlite, postgres/],
  ];
  const { signal } = new AbortController();
  for (const [uri, answer, works, message] of table) {
    const got = await testConnection(parseConnection("c", uri), answer, signal);
    assert.equal(got.works, works, `${uri}: ${got.message}`);
    assert.match(got.message, message);
  }
});
