import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { eventually } from "#testing/eventually.ts";
import { HealthCheckServers } from "./health-check-servers.ts";

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.92.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.92.0.1", port, agent: false }, (response) => {
      const weight = String(response.headers["x-load-balancing-endpoint-weight"]);
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => {
        resolve(`${response.statusCode ?? 0} ${weight} ${body}`);
      });
    }).on("error", reject);
  });
}

test("HealthCheckServers: answers as the service is, until it is gone", async () => {
  const port = await freePort();
  using servers = new HealthCheckServers("127.92.0.1", silentLogger);
  const check = { port, namespace: "d", name: "web", localEndpoints: 2 };
  const body = '{"service":{"namespace":"d","name":"web"},"localEndpoints":';
  servers.set([check]);
  const full = await eventually(() => ask(port));
  assert.equal(full, `200 2 ${body}2,"serviceProxyHealthy":true}`);
  servers.set([{ ...check, localEndpoints: 0 }]);
  assert.equal(await ask(port), `503 0 ${body}0,"serviceProxyHealthy":true}`);
  servers.set([]);
  await assert.rejects(ask(port), { code: "ECONNREFUSED" });
});
