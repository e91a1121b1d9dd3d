import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Json } from "#api/object.ts";
import type { StatusError } from "#api/status.ts";
import type { Annotate, UserInfo } from "#apiserver/contract.ts";
import type { ApiRequest, ApiResponse, ByteSink, ResponseBody } from "#apiserver/http/exchange.ts";
import { headerOf } from "#apiserver/http/exchange.ts";
import { whenClosed } from "#apiserver/http/when-closed.ts";
import { lasts, type RequestInfo } from "#apiserver/request-info.ts";
import { eventLengthMax, statusIn, type EventStatus, type RequestFacts } from "./event.ts";
import { reaches, type Recording, type Stage } from "./policy.ts";
import { sourceIPsOf } from "./source-ips.ts";

/** What a trail needs of the log. */
export interface TrailPorts {
  /** Writes the event of a stage. */
  readonly write: (facts: RequestFacts, recording: Recording, stage: Stage) => void;
  /** Reads a body; undefined for what is no object. */
  readonly decode: (bytes: Uint8Array, contentType: string | undefined) => Json | undefined;
}

/** What is recorded of one request, from its authentication to the last byte of its response. */
export class Trail {
  /** The request, which remembers its body where that is recorded. */
  readonly request: ApiRequest;
  readonly #ports: TrailPorts;
  readonly #recording: Recording;
  readonly #facts: Omit<RequestFacts, "impersonated" | "requestObject" | "responseObject">;
  readonly #annotations = new Map<string, string>();
  #impersonated: UserInfo | undefined;
  #requestBody: Uint8Array | undefined;
  #requestObject: Json | undefined;
  #responseObject: Json | undefined;
  #status: EventStatus | undefined;
  #hasStarted = false;
  #isComplete = false;

  constructor(
    ports: TrailPorts,
    recording: Recording,
    it: {
      readonly request: ApiRequest;
      readonly info: RequestInfo;
      readonly auditId: string;
      readonly user: UserInfo | undefined;
      readonly receivedAt: number;
    },
  ) {
    const { request, info, auditId, user, receivedAt } = it;
    this.#ports = ports;
    this.#recording = recording;
    this.#facts = {
      auditId,
      url: request.url,
      info,
      user,
      sourceIPs: sourceIPsOf(request),
      userAgent: headerOf(request, "user-agent") ?? "",
      receivedAt,
      status: undefined,
      annotations: this.#annotations,
    };
    // What goes through to pods and nodes is not an object, and may be anything.
    const isObject = info.isResource && !lasts(info);
    this.request = isObject ? this.#remembering(request) : request;
  }

  /** Adds a fact for readers of the log; the first that is said of a key stays. */
  readonly annotate: Annotate = (key, value) => {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  };

  actsAs(user: UserInfo): void {
    this.#impersonated = user;
  }

  received(): void {
    this.#write("RequestReceived");
  }

  /** It is not known who asks, and the request goes no further. Upstream writes this one stage. */
  unauthenticated({ code }: StatusError, attempted: string): void {
    this.#status = { code, message: attempted };
    this.#isComplete = true;
    this.#write("ResponseStarted");
  }

  /** The request ended in a fault of ours. */
  panicked(message: string): void {
    const reason = "InternalError";
    this.#status = { code: 500, status: "Failure", reason, message };
    this.#isComplete = true;
    this.#write("Panic");
  }

  /** The head of the response is ready. @returns the body, whose end is the end of the request. */
  answered({ status: code, headers, body }: ApiResponse): ResponseBody {
    if (this.#isComplete) return body;
    const contentType = String(headers["content-type"] ?? "");
    if (body.kind === "bytes") {
      if (this.#facts.info.isResource) this.#sees(body.bytes, contentType, code);
      this.#status ??= { code };
      if (lasts(this.#facts.info)) this.#started();
      this.#complete();
      return body;
    }
    this.#status = { code };
    if (body.live || lasts(this.#facts.info)) this.#started();
    // A client that is gone by now gets no body.
    this.#whenAborted();
    return { ...body, run: (sink, signal) => this.#follow(body, { sink, signal, contentType }) };
  }

  /** The connection is somebody else's from now on. */
  connected(socket: Duplex): void {
    this.#status = { code: 101 };
    this.#started();
    whenClosed(socket, () => {
      this.#complete();
    });
  }

  #whenAborted(): void {
    const { signal } = this.request;
    const complete = (): void => {
      this.#complete();
    };
    if (signal.aborted) complete();
    else signal.addEventListener("abort", complete, { once: true });
  }

  async #follow(
    body: ResponseBody & { readonly kind: "stream" },
    to: { readonly sink: ByteSink; readonly signal: AbortSignal; readonly contentType: string },
  ): Promise<void> {
    const { sink, signal, contentType } = to;
    const isKept = !body.live && reaches(this.#recording.level, "RequestResponse");
    const copy = isKept && this.#facts.info.isResource ? new CopyingSink(sink) : undefined;
    try {
      await body.run(copy ?? sink, signal);
      const bytes = copy?.bytes();
      if (bytes !== undefined) this.#responseObject = this.#ports.decode(bytes, contentType);
    } finally {
      this.#complete();
    }
  }

  /** Takes what a body tells: its status, and itself where that is recorded. */
  #sees(bytes: Uint8Array, contentType: string, code: number): void {
    const { info } = this.#facts;
    const isKept = reaches(this.#recording.level, "RequestResponse") && !lasts(info);
    const mayBeStatus = code >= 400 || info.verb.startsWith("delete");
    if (!isKept && !mayBeStatus) return;
    const object = this.#ports.decode(bytes, contentType);
    const status = statusIn(object);
    if (status !== undefined) this.#status = { ...status, code };
    if (isKept) this.#responseObject = object;
  }

  #started(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.#write("ResponseStarted");
  }

  #complete(): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#write("ResponseComplete");
  }

  #write(stage: Stage): void {
    if (this.#recording.omits(stage)) return;
    if (this.#requestBody !== undefined) {
      const contentType = headerOf(this.request, "content-type");
      this.#requestObject = this.#ports.decode(this.#requestBody, contentType);
      this.#requestBody = undefined;
    }
    const facts = {
      ...this.#facts,
      impersonated: this.#impersonated,
      requestObject: this.#requestObject,
      responseObject: this.#responseObject,
      status: this.#status,
    };
    this.#ports.write(facts, this.#recording, stage);
  }

  #remembering(request: ApiRequest): ApiRequest {
    const { method, url, headers, caller } = request;
    return {
      method,
      url,
      headers,
      caller,
      body: async () => {
        const bytes = await request.body();
        if (bytes.length > 0) this.#requestBody = bytes;
        return bytes;
      },
      get signal() {
        return request.signal;
      },
      longRunning: () => {
        request.longRunning();
      },
    };
  }
}

/** Passes bytes on and keeps them, as many as an event may have. */
class CopyingSink implements ByteSink {
  readonly #sink: ByteSink;
  #chunks: Uint8Array[] | undefined = [];
  #length = 0;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): boolean {
    this.#length += bytes.length;
    if (this.#length > eventLengthMax) this.#chunks = undefined;
    // The writer may use its buffer again.
    else this.#chunks?.push(bytes.slice());
    return this.#sink.write(bytes);
  }

  onceDrained(listener: () => void): void {
    this.#sink.onceDrained(listener);
  }

  /** Undefined when it was too much. */
  bytes(): Uint8Array | undefined {
    return this.#chunks === undefined ? undefined : Buffer.concat(this.#chunks);
  }
}
