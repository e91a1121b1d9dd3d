import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { manifestMediaTypes } from "#oci/media-types.ts";
import { parseDigest } from "#oci/digest.ts";
import { parseChallenge, tokenUrl, type Challenge } from "./challenge.ts";
import type { Credentials } from "./docker-config.ts";
import { readText, RegistryHttp, type HttpAnswer, type HttpAsk } from "./http.ts";

export interface RemoteOptions {
  /** As in image names: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  readonly credentials: Credentials | undefined;
  /** PEM of an authority; undefined for the machine's. */
  readonly ca: string | undefined;
  /** Plain HTTP, and certificates of anybody, are good enough; they are on loopback anyway. */
  readonly isInsecure: boolean;
}

export interface RemoteManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}

/** A registry answered with an error. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Docker's registry is not where its name says. */
const hosts: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };
const loopbackPattern = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/;

/** A registry elsewhere, over the distribution API. */
export class RemoteRegistry implements Disposable {
  readonly #options: RemoteOptions;
  readonly #http: RegistryHttp;
  #base: Promise<string> | undefined;
  #challenge: Challenge | undefined;
  /** By scope. A token that is refused is asked for anew. */
  readonly #tokens = new Map<string, string>();

  constructor(options: RemoteOptions) {
    this.#options = options;
    this.#http = new RegistryHttp({ ca: options.ca, isInsecure: this.#mayBePlain });
  }

  /** Undefined when it has none such. @throws {RemoteError} @throws {Error} for other content. */
  async getManifest(
    repository: string,
    reference: string,
    signal: AbortSignal,
  ): Promise<RemoteManifest | undefined> {
    const answer = await this.#ask(
      { method: "GET", path: `${repository}/manifests/${reference}`, repository, accept: true },
      signal,
    );
    if (answer.status === 404) {
      answer.body.destroy();
      return undefined;
    }
    await requireStatus(answer, [200]);
    const bytes = await readText(answer);
    const stated = reference.includes(":") ? reference : answer.header("docker-content-digest");
    const digest = digestOf(bytes, stated);
    if (stated !== undefined && stated !== digest) {
      throw new Error(`${this.#options.domain} gave ${digest} in place of ${stated}`);
    }
    const mediaType = answer.header("content-type")?.split(";")[0]?.trim() ?? "";
    return { bytes, mediaType, digest };
  }

  /** Bytes of the blob. @throws {RemoteError} when it is not there. */
  async getBlob(repository: string, digest: string, signal: AbortSignal): Promise<Readable> {
    const ask = { method: "GET", path: `${repository}/blobs/${digest}`, repository };
    const answer = await this.#ask(ask, signal);
    await requireStatus(answer, [200]);
    return answer.body;
  }

  async hasBlob(repository: string, digest: string, signal: AbortSignal): Promise<boolean> {
    const ask = { method: "HEAD", path: `${repository}/blobs/${digest}`, repository, isPush: true };
    const answer = await this.#ask(ask, signal);
    await requireStatus(answer, [200, 404]);
    answer.body.resume();
    return answer.status === 200;
  }

  /** Uploads a blob, unless another repository of the registry gives it. @throws {RemoteError} */
  async putBlob(
    repository: string,
    blob: {
      readonly digest: string;
      readonly sizeBytes: number;
      readonly open: () => Promise<Readable>;
      readonly mountFrom: string | undefined;
    },
    signal: AbortSignal,
  ): Promise<"mounted" | "uploaded"> {
    const query =
      blob.mountFrom === undefined ? "" : `?mount=${blob.digest}&from=${blob.mountFrom}`;
    const begun = await this.#ask(
      { method: "POST", path: `${repository}/blobs/uploads/${query}`, repository, isPush: true },
      signal,
    );
    await requireStatus(begun, [201, 202]);
    begun.body.resume();
    if (begun.status === 201) return "mounted";
    const url = new URL(begun.header("location") ?? "", begun.url);
    url.searchParams.set("digest", blob.digest);
    const answer = await this.#ask(
      {
        method: "PUT",
        path: url,
        repository,
        isPush: true,
        headers: { "content-type": "application/octet-stream" },
        body: blob,
      },
      signal,
    );
    await requireStatus(answer, [201, 204]);
    answer.body.resume();
    return "uploaded";
  }

  /** @throws {RemoteError} */
  async putManifest(
    repository: string,
    manifest: { readonly reference: string; readonly bytes: Buffer; readonly mediaType: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { reference, bytes, mediaType } = manifest;
    const answer = await this.#ask(
      {
        method: "PUT",
        path: `${repository}/manifests/${reference}`,
        repository,
        isPush: true,
        headers: { "content-type": mediaType },
        body: { open: () => Promise.resolve(Readable.from([bytes])), sizeBytes: bytes.length },
      },
      signal,
    );
    await requireStatus(answer, [200, 201]);
    answer.body.resume();
  }

  /** Whether the credentials are right; what `login` asks. @throws {RemoteError} when not. */
  async ping(signal: AbortSignal): Promise<void> {
    const answer = await this.#ask({ method: "GET", path: "", repository: undefined }, signal);
    await requireStatus(answer, [200]);
    answer.body.resume();
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  get #mayBePlain(): boolean {
    return this.#options.isInsecure || loopbackPattern.test(this.#options.domain);
  }

  async #ask(
    ask: {
      readonly method: string;
      /** Below `/v2/`, or a place that the registry gave. */
      readonly path: string | URL;
      readonly repository: string | undefined;
      readonly isPush?: boolean;
      readonly accept?: boolean;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: HttpAsk["body"];
    },
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const base = await this.#baseUrl(signal);
    const url = ask.path instanceof URL ? ask.path : new URL(`/v2/${ask.path}`, base);
    const accept = ask.accept === true ? { accept: manifestMediaTypes.join(", ") } : {};
    const headers: Record<string, string> = { ...accept, ...ask.headers };
    const scope =
      ask.repository === undefined
        ? ""
        : `repository:${ask.repository}:${ask.isPush === true ? "pull,push" : "pull"}`;
    const { method, body } = ask;
    const isHome = url.host === new URL(base).host;
    const send = async (authorization: string | undefined): Promise<HttpAnswer> => {
      const all = authorization === undefined ? headers : { ...headers, authorization };
      return await this.#http.send({ method, url, headers: all, body }, signal);
    };
    const used = isHome ? this.#authorization(scope) : undefined;
    const answer = await send(used);
    if (answer.status !== 401 || !isHome) return answer;
    // Another request may have learnt meanwhile what is asked for.
    if (this.#authorization(scope) === used) await this.#authenticate(answer, scope, signal);
    const better = this.#authorization(scope);
    if (better === used) return answer;
    answer.body.destroy();
    return await send(better);
  }

  #authorization(scope: string): string | undefined {
    const { credentials } = this.#options;
    if (this.#challenge?.scheme === "basic") {
      return credentials === undefined ? undefined : basicOf(credentials);
    }
    const token = this.#tokens.get(scope);
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  /** Learns what the registry asks for, and gets a token if that is one. */
  async #authenticate(answer: HttpAnswer, scope: string, signal: AbortSignal): Promise<void> {
    this.#challenge = parseChallenge(answer.header("www-authenticate") ?? "");
    if (this.#challenge?.scheme === "bearer") {
      this.#tokens.set(scope, await this.#fetchToken(this.#challenge, scope, signal));
    }
  }

  async #fetchToken(
    challenge: Extract<Challenge, { scheme: "bearer" }>,
    scope: string,
    signal: AbortSignal,
  ): Promise<string> {
    const url = tokenUrl(challenge, scope === "" ? (challenge.scope ?? "") : scope);
    if (url.protocol !== "https:" && !this.#mayBePlain) {
      throw new Error(
        `${this.#options.domain} wants credentials sent to ${url.origin}, unencrypted`,
      );
    }
    const { credentials } = this.#options;
    const headers: Record<string, string> =
      credentials === undefined ? {} : { authorization: basicOf(credentials) };
    const answer = await this.#http.send({ method: "GET", url, headers }, signal);
    await requireStatus(answer, [200]);
    const { token, access_token: accessToken } = JSON.parse(
      (await readText(answer)).toString(),
    ) as Partial<Record<"token" | "access_token", string>>;
    const found = token ?? accessToken;
    if (found === undefined) throw new Error(`${url.host} gave no token`);
    return found;
  }

  /** HTTPS; plain HTTP where that is allowed and nobody speaks TLS. */
  async #baseUrl(signal: AbortSignal): Promise<string> {
    const { domain } = this.#options;
    const host = hosts[domain] ?? domain;
    if (!this.#mayBePlain) return `https://${host}`;
    this.#base ??= this.#probe(host, signal);
    try {
      return await this.#base;
    } catch (error) {
      this.#base = undefined;
      throw error;
    }
  }

  async #probe(host: string, signal: AbortSignal): Promise<string> {
    const probe = { method: "GET", headers: {} };
    try {
      const answer = await this.#http.send(
        { ...probe, url: new URL(`https://${host}/v2/`) },
        signal,
      );
      answer.body.resume();
      return `https://${host}`;
    } catch {
      signal.throwIfAborted();
      return `http://${host}`;
    }
  }
}

async function requireStatus(answer: HttpAnswer, wanted: readonly number[]): Promise<void> {
  const { status, url } = answer;
  if (wanted.includes(status)) return;
  const text = (await readText(answer)).toString().slice(0, 4_096);
  throw new RemoteError(status, `${url.host}${url.pathname}: ${status} ${messageOf(text)}`.trim());
}

/** The errors that distribution-spec asks for, or whatever was sent. */
function messageOf(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    const messages = errors?.map((it) => `${it.code ?? ""}: ${it.message ?? ""}`) ?? [];
    return messages.join("; ");
  } catch {
    return text.split("\n")[0]?.slice(0, 200) ?? "";
  }
}

function digestOf(bytes: Buffer, like: string | undefined): string {
  const algorithm = parseDigest(like ?? "")?.algorithm ?? "sha256";
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

function basicOf({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
