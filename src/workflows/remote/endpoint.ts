import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TaskGroup } from "#base/task-group.ts";
import type { SchedulerAddress } from "#workflows/broker/broker.ts";
import type { JobEvents } from "#workflows/executor/executor.ts";
import type { AttemptResult, Job, Question } from "#workflows/worker/protocol.ts";
import { fileSink } from "#workflows/worker/task-log.ts";
import { Channel } from "./channel.ts";
import type { KnownSchedulers } from "./known-schedulers.ts";
import { closeCodes, jobPath, messageSizeMax, type CodeFiles } from "./messages.ts";
import type { AttemptClaim, AttemptTokens } from "./token.ts";

/** What an executor hears of a try that a worker elsewhere runs. */
export interface RemoteEvents {
  /** A worker has come for the job, or has come back. */
  connected(): void;
  /** The worker has been silent for too long, or its connection has ended. */
  silent(): void;
  /** @param stored is to be called when the result is in the database. */
  ended(result: AttemptResult, stored: () => void): void;
}

export interface EndpointPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tokens: Pick<AttemptTokens, "issue" | "verify">;
  readonly questions: Pick<JobEvents, "ask">;
  /** A version's code. @throws {Error} when it is lost. */
  readonly codeOf: (job: Job) => Promise<CodeFiles | undefined>;
  /** Whether a try is still the one that counts, whoever's it is. */
  readonly isCurrent: (claim: AttemptClaim) => Promise<boolean>;
  /** Where this and the other schedulers await workers. */
  readonly schedulers: KnownSchedulers;
  /** Notes who runs a try. False when another worker has it. */
  readonly claim: (claim: AttemptClaim, worker: string) => Promise<boolean>;
}

interface Expected {
  readonly job: Job;
  readonly events: RemoteEvents;
  channel: Channel | undefined;
  /** The highest serial number of log lines that are written. */
  logged: number;
  /** What was asked, and must not be done twice. */
  readonly answers: Map<number, Promise<Json>>;
}

/** Answers of a task that are kept for a worker that comes back before it has heard them. */
const answersMax = 1_000;

/**
 * Where workers outside of this process get their jobs. It hands them the job and its code, answers
 * what they ask, writes their logs, and takes their results; they need no rights on the database.
 */
export class WorkerEndpoint implements AsyncDisposable {
  readonly #ports: EndpointPorts;
  readonly #expected = new Map<string, Expected>();
  readonly #tasks: TaskGroup;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: messageSizeMax });

  constructor(ports: EndpointPorts) {
    this.#ports = ports;
    this.#tasks = new TaskGroup((error) => {
      ports.log.error("a worker's connection failed", { error: error as Error });
    });
  }

  /** This one first. */
  get schedulers(): readonly SchedulerAddress[] {
    return this.#ports.schedulers.all;
  }

  /** Tells the workers that are here of schedulers that have come or gone. */
  tellSchedulers(): void {
    const message = { kind: "schedulers", schedulers: this.schedulers } as const;
    for (const { channel } of this.#expected.values()) channel?.send(message);
  }

  /** A token with which a worker may take the job. @param lifetimeMs an hour by default. */
  async token(job: Job, lifetimeMs?: number): Promise<string> {
    return await this.#ports.tokens.issue(job, lifetimeMs);
  }

  /** From now on the job may be taken. */
  expect(job: Job, events: RemoteEvents): void {
    this.#expected.set(job.attempt, {
      job,
      events,
      channel: undefined,
      logged: 0,
      answers: new Map(),
    });
  }

  /** Its worker, if there is one, is told to end. */
  forget(attempt: string): void {
    const expected = this.#expected.get(attempt);
    this.#expected.delete(attempt);
    expected?.channel?.close(closeCodes.superseded, "the task has been decided about");
  }

  cancel(attempt: string, reason: string): void {
    this.#expected.get(attempt)?.channel?.send({ kind: "cancel", reason });
  }

  /** Takes the workers' requests of a server; other requests are left alone. */
  mount(server: Server): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (new URL(request.url ?? "/", "http://here").pathname !== jobPath) return;
      this.#tasks.start(() => this.#take(request, socket, head));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { channel } of this.#expected.values()) channel?.close(1_001, "goes away");
    await this.#tasks[Symbol.asyncDispose]();
    this.#sockets.close();
  }

  async #take(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => undefined);
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const claim = bearer === undefined ? undefined : await this.#ports.tokens.verify(bearer);
    if (claim === undefined) {
      socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      return;
    }
    const accepted = await this.#accept(request, socket, head);
    if (accepted === undefined) return;
    accepted.on("error", () => undefined);
    const worker = String(request.headers["x-gantry-worker"] ?? "worker").slice(0, 250);
    try {
      await this.#serve(accepted, claim, worker);
    } catch (error) {
      // It comes again: another time the database may answer.
      accepted.close(closeCodes.later, "the scheduler could not look the task up");
      throw error;
    }
  }

  /** Undefined when the worker did not wait: it has gone, and comes again. */
  async #accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<WebSocket | undefined> {
    if (socket.destroyed) return undefined;
    return await new Promise((resolve) => {
      socket.once("close", () => {
        resolve(undefined);
      });
      this.#sockets.handleUpgrade(request, socket, head, resolve);
    });
  }

  async #serve(socket: WebSocket, claim: AttemptClaim, worker: string): Promise<void> {
    const current = await this.#ports.isCurrent(claim);
    const expected = this.#expected.get(claim.attempt);
    if (!current) {
      socket.close(closeCodes.superseded, "the task has been decided about");
      return;
    }
    if (expected === undefined) {
      socket.close(closeCodes.unknown, "this scheduler does not have the task");
      return;
    }
    if (!(await this.#ports.claim(claim, worker))) {
      socket.close(closeCodes.superseded, "another worker has the task");
      return;
    }
    expected.channel?.close(1_000, "the worker has come again");
    expected.channel = this.#open(socket, expected);
    await this.#begin(expected.channel, expected);
  }

  async #begin(channel: Channel, { job, events }: Expected): Promise<void> {
    const code = await this.#ports.codeOf(job);
    const token = await this.token(job);
    const plain = { ...job, code: undefined, logFile: undefined };
    const file = job.code === undefined ? undefined : job.code.file;
    const start = file === undefined ? plain : { ...plain, code: emptyCode(file) };
    channel.send({ kind: "start", job: start, code, token, schedulers: this.schedulers });
    events.connected();
  }

  #open(socket: WebSocket, expected: Expected): Channel {
    const { job, events } = expected;
    const { clock } = this.#ports;
    const channel: Channel = new Channel(socket, clock, {
      ask: (id, question) => this.#ask(expected, id, question),
      log: (serial, text) => {
        if (serial > expected.logged) this.#write(job, text);
        expected.logged = Math.max(serial, expected.logged);
        channel.send({ kind: "logged", serial: expected.logged });
      },
      done: (result) => {
        events.ended(result, () => {
          channel.send({ kind: "stored" });
        });
      },
      closed: () => {
        if (expected.channel !== channel) return;
        expected.channel = undefined;
        if (this.#expected.get(job.attempt) === expected) events.silent();
      },
      token: () => this.token(job),
    });
    return channel;
  }

  #ask({ job, answers }: Expected, id: number, question: Question): Promise<Json> {
    const known = answers.get(id);
    if (known !== undefined) return known;
    const answer = this.#ports.questions.ask(job, question);
    answers.set(id, answer);
    if (answers.size > answersMax) answers.delete(Math.min(...answers.keys()));
    return answer;
  }

  #write({ logFile }: Job, text: string): void {
    if (logFile === undefined) return;
    const sink = fileSink(logFile);
    sink.write(text);
    sink.close();
  }
}

/** The worker puts the code where it likes. */
function emptyCode(file: string): NonNullable<Job["code"]> {
  return { bundleFolder: "", file, dagsFolder: "" };
}
