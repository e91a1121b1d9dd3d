import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { whenClosed } from "./when-closed.ts";

test("a listener is called once, when the connection closes or has closed", async () => {
  const socket = new PassThrough();
  let calls = 0;
  const called = (): void => {
    calls += 1;
  };
  whenClosed(socket, called);
  assert.equal(calls, 0);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  assert.equal(calls, 1);
  whenClosed(socket, called);
  assert.equal(calls, 2);
});
