import { createServer, type Server } from "node:http";
import type { Logger } from "#base/log.ts";
import { healthCheckAnswer } from "./health-check-answer.ts";
import type { HealthCheck } from "./plan.ts";

/** A check is a request without a body, asked every few seconds. */
const limits = { maxHeaderSize: 4_096, headersTimeout: 5_000, requestTimeout: 5_000 };
const connectionsMax = 100;

/**
 * A server for each service of which load balancers ask whether this node has endpoints. Dispose to
 * close them all.
 */
export class HealthCheckServers implements Disposable {
  readonly #host: string;
  readonly #log: Logger;
  readonly #checks = new Map<number, HealthCheck>();
  readonly #servers = new Map<number, Server>();

  /** @param host address to listen on. */
  constructor(host: string, log: Logger) {
    this.#host = host;
    this.#log = log;
  }

  /** From now on these checks are answered, and no others. */
  set(checks: readonly HealthCheck[]): void {
    this.#checks.clear();
    for (const it of checks) this.#checks.set(it.port, it);
    for (const [port, server] of this.#servers) {
      if (!this.#checks.has(port)) this.#close(port, server);
    }
    for (const port of this.#checks.keys()) {
      if (!this.#servers.has(port)) this.#open(port);
    }
  }

  [Symbol.dispose](): void {
    for (const [port, server] of this.#servers) this.#close(port, server);
  }

  #open(port: number): void {
    const server = createServer(limits, (_request, response) => {
      const check = this.#checks.get(port);
      if (check === undefined) {
        response.writeHead(404).end();
        return;
      }
      const { status, headers, body } = healthCheckAnswer(check);
      response.writeHead(status, headers).end(body);
    });
    server.maxConnections = connectionsMax;
    server.on("error", (error) => {
      this.#log.error("health check port not served", { port, error });
      // The next change of checks tries again.
      this.#servers.delete(port);
    });
    server.listen(port, this.#host);
    this.#servers.set(port, server);
  }

  #close(port: number, server: Server): void {
    this.#servers.delete(port);
    server.close();
    server.closeAllConnections();
  }
}
