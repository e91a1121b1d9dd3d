import type { Json } from "#api/object.ts";
import type { Clock } from "#base/clock.ts";
import { TaskGroup } from "#base/task-group.ts";
import { OpenQuestions } from "./ask.ts";
import { askTimetable } from "./ask-timetable.ts";
import { AuthorModules } from "./author-modules.ts";
import { JobCode } from "./job-code.ts";
import { endWithParent } from "./lifeline.ts";
import { parseFile } from "./parse.ts";
import { divertOutput } from "./divert-output.ts";
import type { FromWorker, Job, ToWorker } from "./protocol.ts";
import { runJob } from "./run-job.ts";
import { fileSink, TaskLog, type LogSink } from "./task-log.ts";

/** What a worker process is given by the program that it is part of. */
export interface WorkerWorld {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string>>;
  readonly fetch: (address: string, init: RequestInit) => Promise<Response>;
}

/**
 * Runs tasks, one at a time, and reads DAG files, as the parent process asks over its channel. Ends
 * when the channel does.
 */
export async function runWorker(world: WorkerWorld): Promise<void> {
  endWithParent();
  const modules = new AuthorModules();
  modules.install();
  const program = new WorkerProgram(world, modules);
  await using tasks = new TaskGroup((error) => {
    throw error;
  });
  process.on("message", (message: ToWorker) => {
    tasks.start(() => program.take(message));
  });
  // What a task's own loose ends throw must not end the worker in silence.
  process.on("uncaughtException", (error) => {
    program.fail(error);
  });
  send({ kind: "ready" });
  await new Promise<void>((resolve) => {
    process.once("disconnect", () => {
      resolve();
    });
  });
}

class WorkerProgram {
  readonly #world: WorkerWorld;
  readonly #modules: AuthorModules;
  readonly #questions = new OpenQuestions();
  readonly #code: JobCode;
  #current:
    { readonly job: Job; readonly stop: AbortController; readonly log: TaskLog } | undefined;

  constructor(world: WorkerWorld, modules: AuthorModules) {
    this.#world = world;
    this.#modules = modules;
    this.#code = new JobCode(modules, world.clock);
  }

  async take(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case "run":
        await this.#run(message.job);
        return;
      case "cancel":
        if (this.#current?.job.attempt !== message.attempt) return;
        this.#current.stop.abort(new Error(message.reason));
        return;
      case "answer":
        this.#questions.answer(message.id, message.value);
        return;
      case "refusal":
        this.#questions.refuse(message.id, message.message);
        return;
      case "timetable": {
        const { id, question } = message;
        const result = await askTimetable(question, () => this.#code.dagOf(question));
        send({ kind: "timetable", id, result });
        return;
      }
      case "parse": {
        const { id, folder, file } = message;
        const result = await parseFile(this.#modules, this.#world.clock, {
          folder,
          file,
          serial: id,
        });
        send({ kind: "parsed", id, result });
        return;
      }
    }
  }

  fail(error: Error): void {
    if (this.#current === undefined) {
      process.stderr.write(`${error.stack ?? error.message}\n`);
      return;
    }
    const { job, log, stop } = this.#current;
    log.line("ERROR", `uncaught: ${error.stack ?? error.message}`);
    stop.abort(error);
    const result = { kind: "failed", error: `uncaught: ${error.message}`, retry: true } as const;
    send({ kind: "done", attempt: job.attempt, result, spoiled: true });
    this.#current = undefined;
  }

  async #run(job: Job): Promise<void> {
    const stop = new AbortController();
    using log = new TaskLog(sinkOf(job), this.#world.clock);
    this.#current = { job, stop, log };
    const restore = divertOutput(log);
    try {
      const ports = {
        ask: (question: Parameters<typeof this.ask>[1]) => this.ask(job, question),
        log,
        clock: this.#world.clock,
        environment: this.#world.environment,
        fetch: this.#world.fetch,
        loadDag: () => this.#code.dagOf(job),
      };
      const result = await runJob(job, ports, stop.signal);
      if (this.#isCurrent(job)) {
        send({ kind: "done", attempt: job.attempt, result, spoiled: false });
      }
    } finally {
      restore();
      this.#current = undefined;
    }
  }

  ask(
    job: Job,
    question: Extract<FromWorker, { readonly kind: "ask" }>["question"],
  ): Promise<Json> {
    return this.#questions.add((id) => {
      send({ kind: "ask", attempt: job.attempt, id, question });
    });
  }

  /** False when something uncaught has ended the job already. */
  #isCurrent(job: Job): boolean {
    return this.#current?.job === job;
  }
}

function send(message: FromWorker): void {
  process.send?.(message);
}

function sinkOf({ attempt, logFile }: Job): LogSink {
  if (logFile !== undefined) return fileSink(logFile);
  return {
    write: (text) => {
      send({ kind: "log", attempt, text });
    },
    close: () => undefined,
  };
}
