import { join } from "node:path";
import type { Json } from "#api/object.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { SchedulerAddress } from "#workflows/broker/broker.ts";
import { writeBundleOnce } from "#workflows/loader/bundles.ts";
import type { JobEvents } from "#workflows/executor/executor.ts";
import { OpenQuestions } from "#workflows/worker/ask.ts";
import type { AttemptResult, Job, Question } from "#workflows/worker/protocol.ts";
import { Link, type LinkEnd, type LinkOptions } from "./link.ts";
import type { CodeFiles, FromRemote, ToRemote } from "./messages.ts";
import { tokenLifetimeMs } from "./token.ts";

/** What runs the jobs of a worker. */
export interface JobRunner {
  start(job: Job, events: JobEvents): void;
  cancel(attempt: string, reason: string): void;
}

export interface RemoteJobOptions extends Pick<LinkOptions, "token" | "worker"> {
  /** Never empty: where to go, one after the other; the first has the job. */
  readonly schedulers: readonly SchedulerAddress[];
  /** Where code is put. */
  readonly codeFolder: string;
}

/** Log lines that are waiting are sent at once when they have so many characters. */
const batchSize = 64 * 1024;
const batchMs = 50;

/**
 * Takes a job from a scheduler, has it run, and brings its result back; does not rest until the
 * scheduler has stored it, or does not want it. @returns why it was not wanted, if so.
 */
export async function runRemoteJob(
  options: RemoteJobOptions,
  ports: { readonly clock: Clock; readonly runner: JobRunner },
  signal: AbortSignal,
): Promise<string | undefined> {
  const job = new RemoteJob(options, ports);
  return await job.run(signal);
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

class RemoteJob implements JobEvents {
  readonly #options: RemoteJobOptions;
  readonly #clock: Clock;
  readonly #runner: JobRunner;
  readonly #questions = new OpenQuestions();
  /** Questions and log lines that the scheduler has not answered for. */
  readonly #asked = new Map<number, Extract<FromRemote, { kind: "ask" }>>();
  #lines: Extract<FromRemote, { kind: "log" }>[] = [];
  #serial = 0;
  #waiting = "";
  #result: AttemptResult | undefined;
  #job: Job | undefined;
  #token: string;
  #schedulers: readonly SchedulerAddress[];
  #at = 0;
  /** How often a scheduler has given the job. */
  #starts = 0;
  #link: Link | undefined;
  readonly #stored = new AbortController();

  constructor(
    options: RemoteJobOptions,
    ports: { readonly clock: Clock; readonly runner: JobRunner },
  ) {
    this.#options = options;
    this.#clock = ports.clock;
    this.#runner = ports.runner;
    this.#token = options.token;
    this.#schedulers = options.schedulers;
  }

  async run(signal: AbortSignal): Promise<string | undefined> {
    const pauses = new Backoff<string>({ initialMs: 100, maxMs: 1_000 });
    const either = AbortSignal.any([signal, this.#stored.signal]);
    let heardAt = this.#clock.monotonic();
    while (!either.aborted) {
      const serial = this.#starts;
      const end = await this.#connect(either, () => {
        heardAt = this.#clock.monotonic();
      });
      // One that has the job is the first to be asked again, any other is passed over.
      if (this.#starts > serial) pauses.succeed("");
      else this.#at += 1;
      if (isAborted(either)) break;
      const silence = this.#clock.monotonic() - heardAt;
      if (end.kind === "refused" || silence > tokenLifetimeMs) {
        this.#drop(end.reason);
        return end.reason;
      }
      await this.#clock.sleep(pauses.fail(""), either).catch(() => undefined);
    }
    if (this.#stored.signal.aborted) return undefined;
    this.#drop("the worker ends");
    return "the worker ends";
  }

  ended(_: Job, result: AttemptResult): void {
    this.#flush();
    this.#result = result;
    this.#link?.send({ kind: "done", result });
  }

  ask(_: Job, question: Question): Promise<Json> {
    return this.#questions.add((id) => {
      const message = { kind: "ask", id, question } as const;
      this.#asked.set(id, message);
      this.#link?.send(message);
    });
  }

  logged(_: Job, text: string): void {
    const first = this.#waiting === "";
    this.#waiting += text;
    if (this.#waiting.length >= batchSize) this.#flush();
    else if (first) {
      this.#clock.sleep(batchMs, this.#stored.signal).then(
        () => {
          this.#flush();
        },
        () => undefined,
      );
    }
  }

  #flush(): void {
    if (this.#waiting === "") return;
    this.#serial += 1;
    const message = { kind: "log", serial: this.#serial, text: this.#waiting } as const;
    this.#waiting = "";
    this.#lines.push(message);
    this.#link?.send(message);
  }

  async #connect(signal: AbortSignal, opened: () => void): Promise<LinkEnd> {
    const scheduler = this.#schedulers[this.#at % this.#schedulers.length];
    if (scheduler === undefined) throw new Error("a job names no scheduler");
    const link = new Link(
      { scheduler, token: this.#token, worker: this.#options.worker },
      {
        opened,
        heard: (message) => {
          this.#hear(message);
        },
      },
    );
    this.#link = link;
    return await link.ended(this.#clock, signal);
  }

  #hear(message: ToRemote): void {
    switch (message.kind) {
      case "start":
        this.#token = message.token;
        this.#starts += 1;
        this.#know(message.schedulers);
        if (this.#job === undefined) this.#start(message.job, message.code);
        else this.#sendAgain();
        return;
      case "schedulers":
        this.#know(message.schedulers);
        return;
      case "token":
        this.#token = message.token;
        return;
      case "cancel":
        if (this.#job !== undefined) this.#runner.cancel(this.#job.attempt, message.reason);
        return;
      case "answer":
        this.#asked.delete(message.id);
        this.#questions.answer(message.id, message.value);
        return;
      case "refusal":
        this.#asked.delete(message.id);
        this.#questions.refuse(message.id, message.message);
        return;
      case "logged":
        this.#lines = this.#lines.filter((it) => it.serial > message.serial);
        return;
      case "stored":
        this.#stored.abort(new Error("the result is stored"));
    }
  }

  /** The one that tells of the others is the first. */
  #know(schedulers: readonly SchedulerAddress[]): void {
    this.#schedulers = schedulers;
    this.#at = 0;
  }

  #start(received: Job, code: CodeFiles | undefined): void {
    let job = received;
    if (code !== undefined && received.code !== undefined) {
      const folder = join(this.#options.codeFolder, code.hash);
      writeBundleOnce(folder, code.files);
      job = { ...received, code: { ...received.code, bundleFolder: folder, dagsFolder: folder } };
    }
    this.#job = job;
    this.#runner.start(job, this);
  }

  #sendAgain(): void {
    for (const it of this.#lines) this.#link?.send(it);
    for (const it of this.#asked.values()) this.#link?.send(it);
    if (this.#result !== undefined) this.#link?.send({ kind: "done", result: this.#result });
  }

  #drop(reason: string): void {
    if (this.#job !== undefined && this.#result === undefined) {
      this.#runner.cancel(this.#job.attempt, reason);
    }
  }
}
