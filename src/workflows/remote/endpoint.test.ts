import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { WorkerEndpoint } from "./endpoint.ts";
import { KnownSchedulers } from "./known-schedulers.ts";
import { jobPath } from "./messages.ts";
import type { AttemptClaim } from "./token.ts";

const claim = { dagId: "d", runId: "r", taskId: "t", mapIndex: -1, attempt: "a" };
function never(): Promise<never> {
  return Promise.reject(new Error("is not asked"));
}

test("endpoint: a worker that does not wait for the answer keeps nothing open", async () => {
  const asked = Promise.withResolvers<undefined>();
  const verified = Promise.withResolvers<AttemptClaim>();
  const server = createServer();
  const endpoint = new WorkerEndpoint({
    clock: systemClock,
    log: silentLogger,
    tokens: {
      issue: never,
      verify: () => {
        asked.resolve(undefined);
        return verified.promise;
      },
    },
    questions: { ask: never },
    codeOf: never,
    isCurrent: never,
    schedulers: new KnownSchedulers({ url: "http://here", certificateAuthority: undefined }),
    claim: never,
  });
  endpoint.mount(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const taken = once(server, "upgrade");
  const { port } = server.address() as AddressInfo;
  const worker = connect(port, "127.0.0.1");
  const head = ["connection: upgrade", "upgrade: websocket", "authorization: Bearer x"];
  worker.write([`GET ${jobPath} HTTP/1.1`, "host: here", ...head, "", ""].join("\r\n"));
  const [, socket] = (await taken) as [unknown, Socket];
  await asked.promise;
  worker.destroy();
  socket.destroy();
  verified.resolve(claim);
  await endpoint[Symbol.asyncDispose]();
  server.close();
  assert.equal(socket.destroyed, true);
});
