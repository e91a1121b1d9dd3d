import type { WebSocket } from "ws";
import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import { describeError } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { AttemptResult, Question } from "#workflows/worker/protocol.ts";
import type { FromRemote, ToRemote } from "./messages.ts";
import { watchSilence } from "./silence.ts";
import { tokenLifetimeMs } from "./token.ts";

export interface ChannelEvents {
  /** A worker that comes back asks again under the same number. @throws {Error} for the task. */
  ask(id: number, question: Question): Promise<Json>;
  log(serial: number, text: string): void;
  done(result: AttemptResult): void;
  /** Called once, also after silence. */
  closed(): void;
  /** A new token for the worker. */
  token(): Promise<string>;
}

/** The scheduler's end of a worker's connection. */
export class Channel {
  readonly #socket: WebSocket;
  readonly #events: ChannelEvents;
  readonly #tasks = new TaskGroup(() => undefined);

  constructor(socket: WebSocket, clock: Clock, events: ChannelEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on("message", (data) => {
      this.#hear(data);
    });
    socket.once("close", () => {
      events.closed();
      this.#tasks[Symbol.asyncDispose]().catch(() => undefined);
    });
    this.#tasks.start((signal) => watchSilence(socket, clock, signal));
    this.#tasks.start(async (signal) => {
      for (;;) {
        await clock.sleep(tokenLifetimeMs / 3, signal);
        this.send({ kind: "token", token: await events.token() });
      }
    });
  }

  /** Lost when the connection has ended; that end is told. */
  send(message: ToRemote): void {
    this.#socket.send(JSON.stringify(message), () => undefined);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #hear(data: WebSocket.RawData): void {
    let message: FromRemote;
    try {
      message = JSON.parse((data as Buffer).toString()) as FromRemote;
    } catch {
      this.#socket.close(1_007, "a message is not JSON");
      return;
    }
    if (message.kind === "done") this.#events.done(message.result);
    else if (message.kind === "log") this.#events.log(message.serial, message.text);
    else this.#answer(message.id, message.question);
  }

  #answer(id: number, question: Question): void {
    this.#tasks.start(async () => {
      try {
        this.send({ kind: "answer", id, value: await this.#events.ask(id, question) });
      } catch (error) {
        this.send({ kind: "refusal", id, message: describeError(error) });
      }
    });
  }
}
