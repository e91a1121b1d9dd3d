import assert from "node:assert/strict";
import { get } from "node:https";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { loopbackCertificates } from "#testing/loopback-certificates.ts";
import { openHttpFront, type HttpFront } from "./front.ts";

/** On addresses of loopback that no other program is likely to use. */
async function open(port: number, ...alsoOn: readonly string[]): Promise<HttpFront> {
  const { authority, server } = await loopbackCertificates();
  return await openHttpFront({
    tls: { key: server.key, cert: server.certificate, clientCa: authority.certificate },
    host: "127.91.0.1",
    alsoOn,
    port,
    handler: () =>
      Promise.resolve({
        status: 200,
        headers: {},
        body: { kind: "bytes", bytes: Buffer.from("served") },
      }),
    upgrade: () => Promise.resolve(),
    clock: systemClock,
    log: silentLogger,
  });
}

function ask(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host, port, path: "/", rejectUnauthorized: false, agent: false };
    get(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        resolve(text);
      });
    }).on("error", reject);
  });
}

test("HttpFront: serves on all of its addresses, and on none once disposed", async () => {
  const front = await open(0, "127.91.0.2");
  const { port } = front;
  for (const host of ["127.91.0.1", "127.91.0.2"]) assert.equal(await ask(host, port), "served");
  await front[Symbol.asyncDispose]();
  for (const host of ["127.91.0.1", "127.91.0.2"]) {
    await assert.rejects(ask(host, port), { code: "ECONNREFUSED" });
  }
});

test("HttpFront: an address that is taken fails the start, and nothing is served", async () => {
  await using taken = createServer().listen(0, "127.91.0.2");
  await once(taken, "listening");
  const address = taken.address();
  assert.ok(address !== null && typeof address === "object");
  await assert.rejects(open(address.port, "127.91.0.2"), { code: "EADDRINUSE" });
  await assert.rejects(ask("127.91.0.1", address.port), { code: "ECONNREFUSED" });
});
