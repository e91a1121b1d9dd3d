import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A server that says nothing for so long has hung. */
const idleMs = 60_000;
const redirectsMax = 5;
const textBytesMax = 8 * 1_048_576;

export interface HttpOptions {
  /** PEM of authorities that are believed beside the machine's; undefined: only those. */
  readonly ca: string | undefined;
  /** Believes every certificate. */
  readonly isInsecure: boolean;
}

export interface HttpAsk {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Opened again for each attempt. */
  readonly body?:
    { readonly open: () => Promise<Readable>; readonly sizeBytes: number } | undefined;
}

/** An answer whose body must be read or destroyed. */
export interface HttpAnswer {
  readonly status: number;
  readonly url: URL;
  header(name: string): string | undefined;
  readonly body: IncomingMessage;
}

/** HTTP to registries: keeps connections, follows redirects, gives up on silence. */
export class RegistryHttp implements Disposable {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https: HttpsAgent;

  constructor({ ca, isInsecure }: HttpOptions) {
    this.#https = new HttpsAgent({
      keepAlive: true,
      rejectUnauthorized: !isInsecure,
      ...(ca === undefined ? {} : { ca }),
    });
  }

  /** @throws {Error} naming the host, when it cannot be reached, is silent, or the signal aborts. */
  async send(ask: HttpAsk, signal: AbortSignal): Promise<HttpAnswer> {
    let { url, headers } = ask;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#once({ ...ask, url, headers }, signal);
      const location = answer.header("location");
      const isRedirect = answer.status >= 300 && answer.status < 400 && answer.status !== 304;
      if (!isRedirect || location === undefined || ask.body !== undefined) return answer;
      answer.body.destroy();
      if (redirects === redirectsMax) throw new Error(`${ask.url.host} redirects in circles`);
      const next = new URL(location, url);
      // Credentials are for the host that they were meant for.
      if (next.host !== url.host) headers = withoutAuthorization(headers);
      url = next;
    }
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #once({ method, url, headers, body }: HttpAsk, signal: AbortSignal): Promise<HttpAnswer> {
    const isTls = url.protocol === "https:";
    const length = body === undefined ? {} : { "content-length": String(body.sizeBytes) };
    const none = body === undefined && /^(POST|PUT|PATCH)$/.test(method);
    const request = (isTls ? httpsRequest : httpRequest)(url, {
      method,
      headers: {
        "user-agent": "gantry",
        ...headers,
        ...length,
        ...(none ? { "content-length": "0" } : {}),
      },
      agent: isTls ? this.#https : this.#http,
      signal,
    });
    request.setTimeout(idleMs, () => {
      request.destroy(new Error(`${url.host} says nothing for ${idleMs / 1_000} s`));
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once("response", resolve);
      request.once("error", reject);
    });
    try {
      if (body === undefined) request.end();
      else {
        // A registry may refuse before it has read all; then the answer counts, not the pipe's end.
        const sent = pipeline(await body.open(), request);
        sent.catch(() => undefined);
        await Promise.race([sent, answered]);
      }
      const response = await answered;
      return {
        status: response.statusCode ?? 0,
        url,
        header: (name) => {
          const value = response.headers[name];
          return Array.isArray(value) ? value.join(", ") : value;
        },
        body: response,
      };
    } catch (cause) {
      signal.throwIfAborted();
      throw new Error(`${method} ${url.host}${url.pathname}`, { cause });
    }
  }
}

/** The body of an answer. @throws {Error} when it is larger than any manifest or list. */
export async function readText({ body, url }: HttpAnswer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    if (bytes > textBytesMax) throw new Error(`${url.host}: the answer is too large`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "authorization"));
}
