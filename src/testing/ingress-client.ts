import http from "node:http";
import https from "node:https";
import { TLSSocket } from "node:tls";

export interface AskOptions {
  /** The Host, and with `https` the name asked for. */
  readonly host: string;
  readonly path?: string;
  readonly scheme?: "http" | "https";
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | undefined;
  readonly agent?: http.Agent;
  /** Of the node; this machine when undefined. */
  readonly address?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Common name of the certificate; "" over plain HTTP. */
  readonly certificate: string;
}

const askMsMax = 20_000;

/** Asks the ingress of a node; resolves with whatever it answers. */
export function askIngress(options: AskOptions): Promise<Answer> {
  const { host, path = "/", scheme = "http", method = "GET", body, agent } = options;
  const how: https.RequestOptions = {
    host: options.address ?? "127.0.0.1",
    port: scheme === "http" ? 80 : 443,
    path,
    method,
    headers: { ...options.headers, host },
    agent: agent ?? false,
    signal: AbortSignal.timeout(askMsMax),
    ...(scheme === "https" ? { servername: host, rejectUnauthorized: false } : {}),
  };
  return new Promise((resolve, reject) => {
    const request = (scheme === "http" ? http : https).request(how, (response) => {
      let text = "";
      const { socket } = response;
      const peer = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
      const certificate = String(peer?.subject.CN ?? "");
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, certificate });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Clients that ask over connections which they keep, until they are told to stop. */
export class Load implements AsyncDisposable {
  readonly failures: string[] = [];
  count = 0;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #clients: Promise<void>[];
  #isStopped = false;

  constructor(host: string, clients: number) {
    this.#clients = Array.from({ length: clients }, () => this.#run(host));
  }

  /** Resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(host: string): Promise<void> {
    while (!this.#isStopped) {
      try {
        const { status } = await askIngress({ host, agent: this.#agent });
        if (status !== 200) this.failures.push(`status ${status}`);
      } catch (error) {
        this.failures.push(String(error));
      }
      this.count += 1;
    }
  }
}
