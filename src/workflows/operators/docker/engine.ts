import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ConnectionOptions } from "node:tls";
import type { JsonObject } from "#api/object.ts";

/** PEM, and what is checked. */
export type EngineTls = Pick<
  ConnectionOptions,
  | "ca"
  | "cert"
  | "key"
  | "rejectUnauthorized"
  | "servername"
  | "checkServerIdentity"
  | "minVersion"
  | "maxVersion"
>;

/** Where a Docker Engine listens, and how it is asked. */
export interface EngineOptions {
  /** `unix:///var/run/docker.sock`, `tcp://host:2375`, `https://host:2376`. */
  readonly url: string;
  /** `1.43`; the engine's own when undefined or `auto`. */
  readonly apiVersion: string | undefined;
  /** For an engine that wants TLS. */
  readonly tls?: EngineTls | undefined;
  /** For the head of an answer. */
  readonly timeoutMs: number;
}

export interface EngineRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** `/containers/json?all=1` */
  readonly path: string;
  readonly body?: JsonObject | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The answer begins only when something has happened, however long that takes. */
  readonly isLong?: boolean | undefined;
}

/** The engine's refusal. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const answerSizeMax = 16 * 1024 * 1024;

/** A client of Docker's Engine API. */
export class DockerEngine {
  readonly #options: EngineOptions;

  /** @throws {Error} for an address of another form. */
  constructor(options: EngineOptions) {
    if (!/^(unix|tcp|http|https):\/\//.test(options.url)) {
      throw new Error(
        `Docker host '${options.url}': expected unix:///path, tcp://host:port or https://host:port`,
      );
    }
    this.#options = options;
  }

  /** The answer's body, as it comes. @throws {EngineError} */
  async open(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const answer = await this.#send(request, signal);
    const status = answer.statusCode ?? 0;
    if (status < 400) return answer;
    const text = (await readAll(answer)).toString("utf8");
    throw new EngineError(status, messageOf(text) ?? `the Docker host answered ${status}`);
  }

  /** The answer as JSON; null for an empty one. @throws {EngineError} */
  async json(request: EngineRequest, signal: AbortSignal): Promise<JsonObject | null> {
    const text = await this.text(request, signal);
    return text.trim() === "" ? null : (JSON.parse(text) as JsonObject);
  }

  /** The whole answer. @throws {EngineError} */
  async text(request: EngineRequest, signal: AbortSignal): Promise<string> {
    return (await this.bytes(request, signal)).toString("utf8");
  }

  /** The same, of any kind. @throws {EngineError} */
  async bytes(request: EngineRequest, signal: AbortSignal): Promise<Buffer> {
    return await readAll(await this.open(request, signal));
  }

  #send(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, apiVersion, tls, timeoutMs } = this.#options;
    const version = apiVersion === undefined || apiVersion === "auto" ? "" : `/v${apiVersion}`;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const isSecure = url.startsWith("https:") || tls !== undefined;
    const place = placeOf(url);
    const options = {
      ...place,
      ...tls,
      method: request.method,
      path: version + request.path,
      signal,
      headers: {
        host: "docker",
        ...request.headers,
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
    };
    return new Promise((resolve, reject) => {
      const send = isSecure && !("socketPath" in place) ? httpsRequest : httpRequest;
      const sent = send(options, (answer) => {
        sent.setTimeout(0);
        resolve(answer);
      });
      if (request.isLong !== true) {
        sent.setTimeout(timeoutMs, () => {
          sent.destroy(new Error(`the Docker host at ${url} did not answer in ${timeoutMs} ms`));
        });
      }
      sent.on("error", (cause) => {
        reject(
          signal.aborted
            ? (signal.reason as Error)
            : new Error(`cannot reach the Docker host at ${url}`, { cause }),
        );
      });
      sent.end(body);
    });
  }
}

function placeOf(url: string): { socketPath: string } | { host: string; port: number } {
  if (url.startsWith("unix://")) return { socketPath: url.slice("unix://".length) };
  const { hostname, port, protocol } = new URL(url);
  const standard = protocol === "https:" ? 2_376 : 2_375;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? standard : Number(port) };
}

async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > answerSizeMax) throw new Error(`an answer has more than ${answerSizeMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function messageOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { message?: string }).message;
  } catch {
    return text.trim() === "" ? undefined : text.trim();
  }
}
