import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Keys with which a test's server is asked; those of Amazon's examples. */
export const s3Keys = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
} as const;

export interface SignedRequest {
  readonly method: string;
  /** With its query; as it was sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The signature that a request should have, by the text of AWS Signature Version 4 alone, from what its
 * header `Authorization` says is signed.
 */
export function s3Signature({ method, target, headers }: SignedRequest): string {
  const parts = /Credential=([^,]+),\s*SignedHeaders=([^,]+),/.exec(headers["authorization"] ?? "");
  const [, credential = "", signed = ""] = parts ?? [];
  const [, date = "", region = "", service = "", end = ""] = credential.split("/");
  const [path = "", query = ""] = target.split("?");
  const values = signed.split(";").map((name) => `${name}:${(headers[name] ?? "").trim()}\n`);
  const canonical = [
    method,
    path,
    query.split("&").sort().join("&"),
    values.join(""),
    signed,
    headers["x-amz-content-sha256"] ?? "",
  ].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const scope = `${date}/${region}/${service}/${end}`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"] ?? "", scope, hash].join("\n");
  const sign = (key: string | Buffer, it: string): Buffer =>
    createHmac("sha256", key).update(it).digest();
  const key = [date, region, service, end].reduce<string | Buffer>(
    sign,
    `AWS4${s3Keys.secretAccessKey}`,
  );
  return sign(key, text).toString("hex");
}

/** Objects in memory, for who signs requests as S3 wants it. */
export class S3Server implements AsyncDisposable {
  /** By path: `/bucket/key`, as it was sent. */
  readonly objects = new Map<string, Buffer>();
  /** Answers with status 503 are given to so many requests first. */
  busy = 0;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: target = "" } = request;
    const headers = request.headers as Record<string, string>;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (this.busy > 0) {
      this.busy -= 1;
      response.writeHead(503).end("<Code>SlowDown</Code>");
      return;
    }
    const given = /Signature=([0-9a-f]{64})/.exec(headers["authorization"] ?? "")?.[1] ?? "";
    const wanted = s3Signature({ method, target, headers });
    const hash = createHash("sha256").update(body).digest("hex");
    const isSigned =
      given.length === wanted.length &&
      timingSafeEqual(Buffer.from(given), Buffer.from(wanted)) &&
      headers["x-amz-content-sha256"] === hash;
    if (!isSigned) {
      response.writeHead(403).end("<Code>SignatureDoesNotMatch</Code>");
      return;
    }
    this.#serve(method, target, body, response);
  }

  #serve(method: string, path: string, body: Buffer, response: ServerResponse): void {
    const found = this.objects.get(path);
    if (method === "PUT") {
      this.objects.set(path, body);
      response.writeHead(200).end();
    } else if (method === "DELETE") {
      this.objects.delete(path);
      response.writeHead(204).end();
    } else if (found === undefined) response.writeHead(404).end("<Code>NoSuchKey</Code>");
    else response.writeHead(200, { "content-length": found.length }).end(found);
  }
}
