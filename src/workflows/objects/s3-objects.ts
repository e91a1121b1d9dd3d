import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import type { Connection } from "#dag/connection/connection.ts";
import { objectSizeMax, type ObjectPorts, type ObjectStore } from "./object-store.ts";
import { s3Access, s3Address, s3Place, type S3Access } from "./s3-place.ts";

const triesMax = 4;
const pauseMs = 500;
const refusalLengthMax = 500;

interface S3Request {
  readonly method: "PUT" | "GET" | "DELETE";
  readonly path: string;
  readonly body?: Buffer;
}

/** Objects in S3, or in what speaks its protocol. Requests are signed by version 4. */
export class S3Objects implements ObjectStore {
  readonly #access: S3Access;
  readonly #ports: ObjectPorts;

  /** @param connection of type `aws`; undefined: the environment has the keys. */
  constructor(connection: Connection | undefined, ports: ObjectPorts) {
    this.#access = s3Access(connection, ports.environment);
    this.#ports = ports;
  }

  async put(path: string, body: Buffer, signal: AbortSignal): Promise<void> {
    await (await this.#send({ method: "PUT", path, body }, signal)).arrayBuffer();
  }

  async get(path: string, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#send({ method: "GET", path }, signal);
    const length = Number(answer.headers.get("content-length") ?? 0);
    if (length > objectSizeMax) throw new Error(`${path} has more than ${objectSizeMax} bytes`);
    return Buffer.from(await answer.arrayBuffer());
  }

  async delete(path: string, signal: AbortSignal): Promise<void> {
    await (await this.#send({ method: "DELETE", path }, signal)).arrayBuffer();
  }

  /** Again when the server is away or busy. @throws {Error} with its refusal. */
  async #send(request: S3Request, signal: AbortSignal): Promise<Response> {
    const { method, path } = request;
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#sendOnce(request, signal);
        if (answer.ok) return answer;
        if (answer.status === 404 && method === "DELETE") return answer;
        const said = (await answer.text()).slice(0, refusalLengthMax);
        const refusal = `${method} ${path}: ${answer.status} ${said}`;
        if (answer.status < 500 && answer.status !== 429) throw new Refusal(refusal);
        if (tries === triesMax) throw new Refusal(refusal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Refusal || tries === triesMax) throw error;
      }
      await this.#ports.clock.sleep(pauseMs * tries, signal);
    }
  }

  async #sendOnce({ method, path, body }: S3Request, signal: AbortSignal): Promise<Response> {
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#access;
    const now = new Date(this.#ports.clock.now()).toISOString();
    const signer = new AwsV4Signer({
      method,
      url: s3Address(this.#access, s3Place(path)),
      headers: {
        "x-amz-content-sha256": createHash("sha256")
          .update(body ?? "")
          .digest("hex"),
      },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region,
      datetime: now.replaceAll(/[:-]|\.\d{3}/g, ""),
    });
    const signed = await signer.sign();
    return await this.#ports.fetch(signed.url.toString(), {
      method,
      headers: signed.headers,
      signal,
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
  }
}

/** An answer that asking again would not change. */
class Refusal extends Error {
  override readonly name = "Refusal";
}
