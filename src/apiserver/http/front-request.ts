import type { Deadline, Deadlines } from "./deadlines.ts";
import type { ApiRequest, Caller } from "./exchange.ts";

/** Why a request is aborted whose connection or stream ended; one object, since it is common. */
export const clientGone = new Error("the client went away");

/** An {@link ApiRequest} of the front; its signal is made only when somebody asks for it. */
export class FrontRequest implements ApiRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: ApiRequest["headers"];
  readonly caller: Caller;
  readonly #readBody: () => Promise<Uint8Array>;
  readonly #deadline: Deadline;
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  #over = false;

  constructor(it: {
    readonly method: string;
    readonly url: string;
    readonly headers: ApiRequest["headers"];
    readonly caller: Caller;
    readonly body: () => Promise<Uint8Array>;
    readonly deadlines: Deadlines;
    /** Called when the request takes too long; the signal has aborted by then. */
    readonly onTimeout: () => void;
  }) {
    this.method = it.method;
    this.url = it.url;
    this.headers = it.headers;
    this.caller = it.caller;
    this.#readBody = it.body;
    this.#deadline = it.deadlines.start(() => {
      this.abort(new Error("request timed out"));
      it.onTimeout();
    });
  }

  body(): Promise<Uint8Array> {
    return this.#readBody();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  longRunning(): void {
    this.#deadline.cancel();
  }

  /** The caller is gone, or must go. */
  abort(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline.cancel();
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** The response is complete. */
  finish(): void {
    this.#over = true;
    this.#deadline.cancel();
  }
}
